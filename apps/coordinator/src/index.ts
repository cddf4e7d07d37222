export { startCoordinator } from './start-coordinator.ts'
export type { CoordinatorOptions, RunningCoordinator } from './start-coordinator.ts'
