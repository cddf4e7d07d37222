export { startLocalWorkers } from './up/local-workers.ts'
export type { LocalWorkers, LocalWorkersOptions } from './up/local-workers.ts'
export { startBaton } from './up/start-baton.ts'
export type { BatonOptions, RunningBaton } from './up/start-baton.ts'
