export { openDatabase } from './database.ts'
export type { Database } from './database.ts'
export { migrate } from './migrate/migrate.ts'
export type { MigrateOptions } from './migrate/migrate.ts'
