export { startApi } from './start-api.ts'
export type { ApiOptions } from './options.ts'
export type { RunningApi } from './start-api.ts'
