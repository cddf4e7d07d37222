import { once } from 'node:events'
import { loadConfig } from '@baton/config'
import type { Config } from '@baton/config'
import { createLog } from '@baton/log'
import { ownerTokenFile } from '../client/owner-token.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { printableLines } from '../output/text.ts'
import { startLocalWorkers } from './local-workers.ts'
import { openLogOutput } from './log-output.ts'
import type { LogOutput } from './log-output.ts'
import { startBaton } from './start-baton.ts'
import type { RunningBaton } from './start-baton.ts'

export interface UpOptions {
  readonly workers: number
  readonly sessionSeconds?: number
  readonly json?: boolean
}

/**
 * Runs Baton and its local workers until Ctrl-C or SIGTERM, and ends them in order.
 *
 * @throws {AppError} what `startBaton` throws; {Exit} with 1 when the embedded database is gone for good
 */
export async function runUp(io: Io, options: UpOptions): Promise<void> {
  const config = loadConfig(io.env)
  const stop = io.stopSignal()
  const output = await openLogOutput(io, config.data.dir)
  const log = createLog({ app: 'baton', level: config.log.level, destination: output })
  const print = (text: string) => printableLines(text).forEach((line) => io.out(line))
  const baton = await startBaton({ config, log, print })
  const workers = startLocalWorkers({
    count: options.workers,
    url: baton.url,
    api: baton.api,
    log,
    onLine: output.write,
    env: io.env,
    sessionSeconds: options.sessionSeconds,
  })
  announce(io, config, baton, output, options)
  const lost = await Promise.race([baton.lost, aborted(stop)])
  if (lost) log.error({ err: lost }, 'the embedded database is gone')
  else io.err('ending: sessions hand over, then everything stops; Ctrl-C again ends it at once')
  const workersEnded = workers.close()
  // Without a database there is nobody to hand over to.
  if (lost) void workers.close()
  await workersEnded
  await baton.close()
  if (lost) throw new Exit(exitCodes.problem)
}

function announce(
  io: Io,
  config: Config,
  baton: RunningBaton,
  { file }: LogOutput,
  { workers, json }: UpOptions,
): void {
  const { publicUrl } = config.http
  const tokenFile = ownerTokenFile(config.data.dir)
  if (json)
    return io.out(JSON.stringify({ url: baton.url, publicUrl, dataDir: config.data.dir, tokenFile, logFile: file }))
  io.out(`Baton runs at ${baton.url}${publicUrl === baton.url ? '' : `, for notebooks at ${publicUrl}`}`)
  io.out(`data in ${config.data.dir}, the owner's token in ${tokenFile}${file === null ? '' : `, log in ${file}`}`)
  for (const line of nextSteps(workers)) io.out(line)
}

function nextSteps(workers: number): string[] {
  return [
    'Next, in another terminal:',
    '  baton project create first',
    '  baton dataset create emoji --emoji --limit 700',
    ...(workers > 0 ? [] : ['  baton worker                    (or `baton enrol` for a notebook)']),
    '  baton run spec.yaml --watch',
  ]
}

async function aborted(signal: AbortSignal): Promise<null> {
  if (!signal.aborted) await once(signal, 'abort')
  return null
}
