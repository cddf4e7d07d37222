export { runService } from './run-service.ts'
export type { Services } from './run-service.ts'
export { every } from './every.ts'
