import type { Pool } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'

const order = 'pool'

type PoolRow = Omit<Pool, 'oldestReadySince'> & { oldestReadySince: Date | null }

/** Pools are only names that folds and sessions carry: what they are is counted when it is asked for. */
export function poolTable(db: Connection): Tables['pools'] {
  const select = (visible: string | null, where: Prisma.Sql, limit: number) => db.$queryRaw<PoolRow[]>`
    WITH pool AS (
      SELECT f.pool AS name, f.status, f.not_before, false AS is_session
      FROM fold f JOIN experiment e ON e.id = f.experiment_id JOIN project p ON p.id = e.project_id
      WHERE f.status IN ('ready', 'leased', 'paused') AND (${visible}::text IS NULL OR p.slug = ${visible})
      UNION ALL
      SELECT unnest(s.pools), s.status, NULL, true FROM session s LEFT JOIN project p ON p.id = s.project_id
      WHERE s.status = 'active' AND (${visible}::text IS NULL OR p.slug = ${visible})
    )
    SELECT name,
      count(*) FILTER (WHERE status = 'ready' AND not_before <= now())::int AS "foldsReady",
      min(not_before) FILTER (WHERE status = 'ready' AND not_before <= now()) AS "oldestReadySince",
      count(*) FILTER (WHERE status = 'ready' AND not_before > now())::int AS "foldsDelayed",
      count(*) FILTER (WHERE status = 'leased')::int AS "foldsLeased",
      count(*) FILTER (WHERE status = 'paused')::int AS "foldsPaused",
      count(*) FILTER (WHERE is_session)::int AS sessions
    FROM pool WHERE ${where} GROUP BY name ORDER BY name COLLATE "C" LIMIT ${limit}`
  return {
    list: async (visible, { cursor, limit }) => {
      const after = decodeCursor(order, cursor, ['string'])?.[0] ?? ''
      const rows = await select(visible, Prisma.sql`name > ${after} COLLATE "C"`, limit + 1)
      return pageOf(rows, limit, { order, keyOf: ({ name }) => [name], itemOf: poolOf })
    },
    find: async (visible, name) => {
      const [row] = await select(visible, Prisma.sql`name = ${name}`, 1)
      return row ? poolOf(row) : null
    },
  }
}

function poolOf(row: PoolRow): Pool {
  return { ...row, oldestReadySince: row.oldestReadySince?.toISOString() ?? null }
}
