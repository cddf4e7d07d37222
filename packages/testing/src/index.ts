export { createTestDatabase, databaseUrl, runSql, templateName } from './database.ts'
export type { TestDatabase } from './database.ts'
export { describeWithRedis, startRedis } from './redis.ts'
export type { TestRedis } from './redis.ts'
export { memoryBlobs } from './memory-blobs.ts'
export { memoryQueue } from './memory-queue.ts'
export type { MemoryQueue } from './memory-queue.ts'
export {
  aCheckpoint,
  aCompletedExperiment,
  aLease,
  aManifest,
  anExperiment,
  aResult,
  aSession,
  aSpec,
  createWorld,
  encodePredictions,
  outliveLease,
} from './world.ts'
export type { World } from './world.ts'
export { startFakeTelegram } from './telegram.ts'
export type { FakeTelegram, FakeTelegramOptions, SendFault } from './telegram.ts'
export type { FloodLimit } from './telegram-chats.ts'
export type { FakeMessage } from './telegram-methods.ts'
export { freePort } from './free-port.ts'
