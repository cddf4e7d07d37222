export { openDatabase } from './database.ts'
export type { Database } from './database.ts'
