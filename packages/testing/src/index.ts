export { createTestDatabase, databaseUrl, runSql, templateName } from './database.ts'
export type { TestDatabase } from './database.ts'
export { describeWithRedis, startRedis } from './redis.ts'
export type { TestRedis } from './redis.ts'
