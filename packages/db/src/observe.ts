import type { Connection } from './connection.ts'

/** How much of everything there is, for those who watch a service. */
export interface Observation {
  readonly folds: readonly { status: string; count: number }[]
  readonly sessions: readonly { status: string; count: number }[]
  /** Leases that have not run out. */
  readonly leases: number
  /** Jobs that no queue has taken yet. */
  readonly outbox: number
  /** Age of the oldest of them; 0 where there is none. */
  readonly outboxOldestSeconds: number
  /** Notifications that were neither sent nor dropped. */
  readonly notifications: number
}

/** Counts by index; a million folds take a fraction of a second. */
export async function observe(db: Connection): Promise<Observation> {
  const byStatus = (table: 'fold' | 'session') =>
    db.$queryRawUnsafe<{ status: string; count: number }[]>(
      `SELECT status, count(*)::int AS count FROM ${table} GROUP BY status`,
    )
  const [rest] = await db.$queryRaw<[Omit<Observation, 'folds' | 'sessions'>]>`
    SELECT
      (SELECT count(*)::int FROM fold WHERE status = 'leased' AND lease_expires_at > now()) AS leases,
      (SELECT count(*)::int FROM outbox) AS outbox,
      (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox) AS "outboxOldestSeconds",
      (SELECT count(*)::int FROM notification WHERE sent_at IS NULL AND dropped_at IS NULL) AS notifications`
  return { folds: await byStatus('fold'), sessions: await byStatus('session'), ...rest }
}
