export { createLog } from './create-log.ts'
export type { Log, LogOptions } from './create-log.ts'
export { redact } from './redact.ts'
