import { isAppError } from '@baton/contracts'
import { createLog } from '@baton/log'
import { help, readConfig } from './config.ts'
import type { WorkerConfig } from './config.ts'
import { runWorker } from './run-worker.ts'
import { exitCodes } from './session/exit-code.ts'
import { listenForStop } from './stop-signals.ts'

/** The settings, or null once the process has said what is wrong with them. */
function configOrComplaint(): WorkerConfig | null {
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!isAppError(error, 'config-invalid')) throw error
    const faults = error.faults.map(({ pointer, detail }) => `  ${pointer} ${detail}\n`).join('')
    process.stderr.write(`The settings are not valid; --help says what each means:\n${faults}`)
    return null
  }
}

if (process.argv.includes('--help')) {
  const codes = Object.entries(exitCodes).map(([code, words]) => `  ${code}  ${words}\n`)
  process.stdout.write(`${help}\nExit codes:\n${codes.join('')}`)
} else {
  const config = configOrComplaint()
  // What starts from here on inherits no token.
  delete process.env.BATON_ENROLMENT_TOKEN
  process.exitCode = config
    ? await runWorker(config, { log: createLog({ app: 'worker', level: config.logLevel }), ...listenForStop() })
    : 2
}
