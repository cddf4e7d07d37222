/** A process that takes a job and never ends it, until it is killed: started by queue.test.ts. */
import { openQueue } from '@baton/queue'
import type { OpenQueueOptions } from '@baton/queue'

const silent = () => undefined
const options = JSON.parse(process.argv[2]!) as Omit<OpenQueueOptions, 'log'>
const queue = await openQueue({ ...options, log: { info: silent, warn: silent, error: silent } })
const never = new Promise<void>(silent)
queue.consume('coordinator', {
  'assemble-experiment': () => never,
  'make-submission': () => never,
  'fan-out-event': ({ eventId }) => {
    process.send!(eventId)
    return never
  },
  sweep: () => never,
})
process.on('disconnect', () => process.exit())
