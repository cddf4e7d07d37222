import { Prisma } from '../generated/client.ts'

/**
 * Notes that folds were offered. A fold that somebody is changing is passed over: waiting for several rows is how two
 * dispatchers would deadlock.
 */
export const offeredNow = (ids: readonly string[]) => Prisma.sql`
  UPDATE fold SET offered_at = now()
  WHERE id IN (SELECT id FROM fold WHERE id = ANY(${ids}::uuid[]) FOR UPDATE SKIP LOCKED)`
