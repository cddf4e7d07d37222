/** The process of one local worker, as `local-workers.ts` starts it. */
import { createLog } from '@baton/log'
import { listenForStop, readWorkerConfig, runWorker } from '@baton/worker'

const config = readWorkerConfig(process.env)
// What starts from here on inherits no token.
delete process.env.BATON_ENROLMENT_TOKEN

// The parent died: nobody is left to hand over to, so twice, which means at once.
process.stdin.resume().on('end', () => {
  for (const _ of [1, 2]) process.kill(process.pid, 'SIGTERM')
})

const log = createLog({ app: 'worker', level: config.logLevel })
process.exit(await runWorker(config, { log, ...listenForStop() }))
