export { findRunning } from './find-running.ts'
export { startPostgres } from './start.ts'
export type { Durability, StartPostgresOptions } from './start.ts'
export type { Postgres, PostgresLog } from './supervise.ts'
