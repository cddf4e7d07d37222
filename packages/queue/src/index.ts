export type { QueueBackend, QueueLog } from './backend.ts'
export type { Handlers, JobContext, JobKind, Payload } from './catalog.ts'
export { openQueue } from './open-queue.ts'
export type { AddOptions, ConsumeOptions, InspectedQueue, OpenQueueOptions, Queue } from './open-queue.ts'
