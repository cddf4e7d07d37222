import type { Provider, Session, SessionStatus } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import type { RunPrepared } from '../run-prepared.ts'

interface SessionRow {
  id: string
  name: string
  provider: string
  accelerator: string | null
  pools: string[]
  project: string | null
  status: string
  foldId: string | null
  secondsLeft: number | null
  registeredAt: Date
  lastSeenAt: Date
}

export function sessionTable(db: Connection, run: RunPrepared): Tables['sessions'] {
  const select = (where: Prisma.Sql) => Prisma.sql`
    SELECT s.id, s.name, s.provider, s.accelerator, s.pools, p.slug AS project, s.status, f.id AS "foldId",
      s.registered_at AS "registeredAt", s.last_seen_at AS "lastSeenAt",
      extract(epoch FROM s.deadline_at - now())::float8 AS "secondsLeft"
    FROM session s LEFT JOIN project p ON p.id = s.project_id
      LEFT JOIN fold f ON f.session_id = s.id AND f.status = 'leased' WHERE ${where}`
  const get = async (id: string) => {
    const [row] = await run<SessionRow>('get-session', select(Prisma.sql`s.id = ${id}::uuid`))
    return row ? sessionOf(row) : null
  }
  return {
    insert: async ({ name, provider, accelerator, memoryBytes, pools, secondsLeft }, projectId) => {
      const { id } = await db.session.create({
        data: { name, provider, accelerator, memoryBytes, pools, projectId },
        select: { id: true },
      })
      await db.$executeRaw`
        UPDATE session SET deadline_at = now() + make_interval(secs => ${secondsLeft}::float8) WHERE id = ${id}::uuid`
      return (await get(id))!
    },
    get,
    // Not shared: of two leases that are granted to it at once, the later sees the earlier.
    lock: async (id) => {
      const [row] = await run<{ status: SessionStatus }>(
        'lock-session',
        Prisma.sql`SELECT status FROM session WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
      )
      return row!.status
    },
    list: async (visible, { cursor, limit, status = null }) => {
      const [registeredAt, id] = decodeCursor('newest', cursor, ['moment', 'id']) ?? [null, null]
      const rows = await db.$queryRaw<SessionRow[]>(
        select(Prisma.sql`(${visible}::text IS NULL OR p.slug = ${visible}) AND (${status}::text IS NULL OR s.status = ${status})
        AND (${id}::uuid IS NULL OR (s.registered_at, s.id) < (${registeredAt}::timestamptz, ${id}::uuid))
        ORDER BY s.registered_at DESC, s.id DESC LIMIT ${limit + 1}`),
      )
      const keyOf = (row: SessionRow) => [row.registeredAt.toISOString(), row.id]
      return pageOf(rows, limit, { order: 'newest', keyOf, itemOf: sessionOf })
    },
    setStatus: async (id, status) =>
      void (await db.session.updateMany({ where: { id, status: { not: 'ended' } }, data: { status } })),
    touch: async (id) => {
      const [row] = await run<{ status: SessionStatus }>(
        'touch-session',
        Prisma.sql`
        UPDATE session SET last_seen_at = now(), status = CASE WHEN status = 'lost' THEN 'active' ELSE status END
        WHERE id = ${id}::uuid RETURNING status`,
      )
      return row!.status
    },
    markLost: (silentSeconds) => db.$executeRaw`
      UPDATE session SET status = CASE WHEN status = 'draining' THEN 'ended' ELSE 'lost' END
      WHERE status IN ('active', 'draining') AND last_seen_at < now() - make_interval(secs => ${silentSeconds})
        AND NOT EXISTS (SELECT 1 FROM fold f WHERE f.session_id = session.id AND f.status = 'leased')`,
  }
}

function sessionOf(row: SessionRow): Session {
  return {
    ...row,
    provider: row.provider as Provider,
    status: row.status as SessionStatus,
    registeredAt: row.registeredAt.toISOString(),
    lastSeenAt: row.lastSeenAt.toISOString(),
  }
}
