import { loadClientConfig } from '@baton/config'
import type { Env } from '@baton/config'
import type { Command } from 'commander'
import { connect } from '../client/connect.ts'
import { Exit } from '../exit.ts'
import type { Io } from '../io.ts'
import { example, numberArgument } from './options.ts'

interface WorkerOptions {
  readonly name?: string
  readonly provider?: string
  readonly pools?: string
  readonly sessionSeconds?: number
  readonly maxIdleSeconds?: number
}

const settings = `
Environment: BATON_URL, BATON_ENROLMENT_TOKEN, BATON_CACHE (data, code and TensorFlow), BATON_CACHE_BYTES, BATON_THREADS
(another number gives other bytes), BATON_EXECUTION (compiled or eager), BATON_MARGIN_SECONDS (kept free at the
end), BATON_LOG_LEVEL, OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS (where traces go, if anywhere).`

export function workerCommand(program: Command, io: Io): void {
  const positive = numberArgument({ min: 1 })
  program
    .command('worker')
    .summary('run one worker session on this machine')
    .description(
      'Runs one session: leases folds, trains them, hands them over. Where `baton up` runs, it enrols itself;\n' +
        'elsewhere BATON_URL and BATON_ENROLMENT_TOKEN say where to, as `baton enrol` prints them.',
    )
    .option('--name <name>', 'how people tell sessions apart (default the host name)')
    .option('--provider <provider>', 'kaggle, colab, container or local')
    .option('--pools <pools>', 'queues to serve, by commas, the first one first')
    .option('--session-seconds <seconds>', 'seconds until this session must be gone (default no end)', positive)
    .option('--max-idle-seconds <seconds>', 'ends after so long without work (default never)', positive)
    .addHelpText('after', `${example('baton worker', 'baton worker --session-seconds 32000')}\n${settings}`)
    .action(async (options: WorkerOptions) => {
      const env = await environment(io, options)
      const { createLog } = await import('@baton/log')
      const { listenForStop, readWorkerConfig, runWorker } = await import('@baton/worker')
      const config = readWorkerConfig(env)
      // What starts from here on inherits no token.
      for (const name of ['BATON_ENROLMENT_TOKEN', 'BATON_TOKEN']) Reflect.deleteProperty(process.env, name)
      const log = createLog({ app: 'worker', level: config.logLevel })
      const code = await runWorker(config, { log, ...listenForStop() })
      if (code !== 0) throw new Exit(code)
    })
}

/** The worker's environment: the flags laid over this process's, and an enrolment of its own where none was given. */
async function environment(io: Io, options: WorkerOptions): Promise<Env> {
  const env: Env = {
    ...io.env,
    BATON_URL: loadClientConfig(io.env).client.url,
    ...flag('BATON_NAME', options.name),
    ...flag('BATON_PROVIDER', options.provider),
    ...flag('BATON_POOLS', options.pools),
    ...flag('BATON_SESSION_SECONDS', options.sessionSeconds),
    ...flag('BATON_MAX_IDLE_SECONDS', options.maxIdleSeconds),
  }
  if (env.BATON_ENROLMENT_TOKEN?.trim()) return env
  const { api } = await connect(io)
  const { token } = await api.createEnrolment({ body: {} })
  return { ...env, BATON_ENROLMENT_TOKEN: token }
}

function flag(name: string, value: string | number | undefined): Env {
  return value === undefined ? {} : { [name]: String(value) }
}
