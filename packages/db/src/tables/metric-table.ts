import type { StoredMetric } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import { byFold } from './by-fold.ts'

/** Sequence numbers have 31 bits; a fence of 22 leaves the place a whole number in JavaScript. */
const seqs = 2 ** 31

/**
 * One point a step. A step that an interrupted attempt had done past its last checkpoint is done again by the next: the
 * newest counts.
 */
const stitched = (foldId: string, name: string, condition = Prisma.empty) => Prisma.sql`
  SELECT DISTINCT ON (m.step) m.step, m.name, m.value, m.fence FROM metric m
  WHERE m.fold_id = ${foldId}::uuid AND m.name = ${name} ${condition} ORDER BY m.step, m.fence DESC, m.seq DESC`

export function metricTable(db: Connection): Tables['metrics'] {
  return {
    // From name to next name through the index: a fold has few names and many points.
    names: (foldId) => db.$queryRaw`
      WITH RECURSIVE known AS (
        (SELECT name FROM metric WHERE fold_id = ${foldId}::uuid ORDER BY name LIMIT 1)
        UNION ALL
        SELECT (SELECT m.name FROM metric m WHERE m.fold_id = ${foldId}::uuid AND m.name > known.name ORDER BY m.name LIMIT 1)
        FROM known WHERE known.name IS NOT NULL
      )
      SELECT known.name, newest.step AS "lastStep", newest.value AS "lastValue" FROM known CROSS JOIN LATERAL (
        SELECT m.step, m.value FROM metric m WHERE m.fold_id = ${foldId}::uuid AND m.name = known.name
        ORDER BY m.step DESC, m.fence DESC, m.seq DESC LIMIT 1
      ) newest ORDER BY known.name`,
    list: async (foldId, { name, cursor, limit }) => {
      const key = decodeCursor('metrics:step', cursor, ['number'])
      const condition = key === null ? Prisma.empty : Prisma.sql`AND m.step > ${key[0]}`
      const rows = await db.$queryRaw<StoredMetric[]>`
        SELECT s.step, s.name, s.value, a.number AS attempt
        FROM (${stitched(foldId, name, condition)} LIMIT ${limit + 1}) s
        JOIN attempt a ON a.fold_id = ${foldId}::uuid AND a.fence = s.fence ORDER BY s.step`
      return pageOf(rows, limit, { order: 'metrics:step', keyOf: ({ step }) => [step], itemOf: (row) => row })
    },
    curve: async (foldId, { name, buckets }) => {
      const rows = await db.$queryRaw<{ step: number; value: number; attempt: number; total: number }[]>`
        WITH points AS (
          SELECT s.*, count(*) OVER () AS total, min(step) OVER () AS first, max(step) OVER () AS last
          FROM (${stitched(foldId, name)}) s
        ), placed AS (
          SELECT *, (step - first)::bigint * ${buckets} / (last - first + 1) AS bucket FROM points
        ), ranked AS (
          SELECT *, row_number() OVER (PARTITION BY bucket ORDER BY value, step) AS low,
            row_number() OVER (PARTITION BY bucket ORDER BY value DESC, step) AS high
          FROM placed
        )
        SELECT r.step, r.value, a.number AS attempt, r.total::int AS total FROM ranked r
        JOIN attempt a ON a.fold_id = ${foldId}::uuid AND a.fence = r.fence
        WHERE r.low = 1 OR r.high = 1 OR r.step IN (r.first, r.last) ORDER BY r.step`
      return {
        pointsTotal: rows[0]?.total ?? 0,
        points: rows.map(({ step, value, attempt }) => ({ step, value, attempt })),
      }
    },
    head: async (foldId) => {
      const [row] = await db.$queryRaw<{ fence: number; seq: number }[]>`
        SELECT fence, seq FROM metric WHERE fold_id = ${foldId}::uuid ORDER BY fence DESC, seq DESC LIMIT 1`
      return row ? placeOf(row) : 0
    },
    removeOld: (seconds, limit) => db.$executeRaw`
      DELETE FROM metric WHERE ctid = ANY(ARRAY(
        SELECT r.ctid FROM experiment e JOIN fold f ON f.experiment_id = e.id JOIN metric r ON r.fold_id = f.id
        WHERE e.status IN ('completed', 'failed', 'cancelled') AND e.completed_at < now() - make_interval(secs => ${seconds})
          AND f.status IN ('completed', 'failed', 'cancelled')
        LIMIT ${limit}))`,
    news: async (after, limit) => {
      const places = [...after.values()]
      const rows = await db.$queryRaw<(StoredMetric & { foldId: string; fence: number; seq: number })[]>`
        SELECT wanted.fold_id AS "foldId", m.fence, m.seq, m.step, m.name, m.value, a.number AS attempt
        FROM unnest(${[...after.keys()]}::uuid[], ${places.map((place) => Math.floor(place / seqs))}::int[],
          ${places.map((place) => place % seqs)}::int[]) AS wanted(fold_id, fence, seq)
        CROSS JOIN LATERAL (
          SELECT * FROM metric m WHERE m.fold_id = wanted.fold_id AND (m.fence, m.seq) > (wanted.fence, wanted.seq)
          ORDER BY m.fence, m.seq LIMIT ${limit}
        ) m JOIN attempt a ON a.fold_id = wanted.fold_id AND a.fence = m.fence
        ORDER BY m.fence, m.seq`
      return byFold(rows.map(({ foldId, fence, seq, ...data }) => ({ foldId, place: placeOf({ fence, seq }), data })))
    },
  }
}

function placeOf({ fence, seq }: { fence: number; seq: number }): number {
  return fence * seqs + seq
}
