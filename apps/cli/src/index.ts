export { startBaton } from './up/start-baton.ts'
export type { BatonOptions, RunningBaton } from './up/start-baton.ts'
