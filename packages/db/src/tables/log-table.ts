import type { LogLine, StoredLogLine } from '@baton/contracts'
import { decodeCursor, pageOf } from '@baton/core'
import type { LogQuery, Tables } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import { byFold } from './by-fold.ts'

interface LogRow {
  foldId: string
  id: bigint
  fold: number
  attempt: number
  level: string
  text: string
  at: Date
}

const columns = Prisma.sql`
  l.fold_id AS "foldId", l.id, f.index AS fold, a.number AS attempt, l.level, l.text, l.at`
const origin = Prisma.sql`
  JOIN fold f ON f.id = l.fold_id JOIN attempt a ON a.fold_id = l.fold_id AND a.fence = l.fence`

export function logTable(db: Connection): Tables['logs'] {
  return {
    list: async (foldIds, query) => {
      const { order, cursor, limit } = query
      const key = decodeCursor(`logs:${order}`, cursor, ['number'])
      const after = key === null ? Prisma.empty : beyond(order, key[0] as number)
      const direction = order === 'oldest' ? Prisma.sql`ASC` : Prisma.sql`DESC`
      // Each fold's lines come in order out of its index, until there are enough.
      const rows = await db.$queryRaw<LogRow[]>`
        SELECT ${columns}
        FROM unnest(${[...foldIds]}::uuid[]) AS wanted(fold_id) CROSS JOIN LATERAL (
          SELECT * FROM log_line l WHERE l.fold_id = wanted.fold_id ${after} ${conditions(query)}
          ORDER BY l.id ${direction} LIMIT ${limit + 1}
        ) l ${origin}
        ORDER BY l.id ${direction} LIMIT ${limit + 1}`
      return pageOf(rows, limit, { order: `logs:${order}`, keyOf: ({ id }) => [Number(id)], itemOf: logLineOf })
    },
    head: async (foldId) => {
      const { _max } = await db.logLine.aggregate({ where: { foldId }, _max: { id: true } })
      return Number(_max.id ?? 0)
    },
    removeOld: (seconds, limit) => db.$executeRaw`
      DELETE FROM log_line WHERE ctid = ANY(ARRAY(
        SELECT r.ctid FROM experiment e JOIN fold f ON f.experiment_id = e.id JOIN log_line r ON r.fold_id = f.id
        WHERE e.status IN ('completed', 'failed', 'cancelled') AND e.completed_at < now() - make_interval(secs => ${seconds})
          AND f.status IN ('completed', 'failed', 'cancelled')
        LIMIT ${limit}))`,
    news: async (after, limit) => {
      const rows = await db.$queryRaw<LogRow[]>`
        SELECT ${columns}
        FROM unnest(${[...after.keys()]}::uuid[], ${[...after.values()]}::bigint[]) AS wanted(fold_id, after)
        CROSS JOIN LATERAL (
          SELECT * FROM log_line l WHERE l.fold_id = wanted.fold_id AND l.id > wanted.after ORDER BY l.id LIMIT ${limit}
        ) l ${origin}
        ORDER BY l.id`
      return byFold(rows.map((row) => ({ foldId: row.foldId, place: Number(row.id), data: logLineOf(row) })))
    },
  }
}

function beyond(order: LogQuery['order'], id: number): Prisma.Sql {
  return order === 'oldest' ? Prisma.sql`AND l.id > ${id}` : Prisma.sql`AND l.id < ${id}`
}

/**
 * Text is looked for line by line: a fold has some ten thousand, which takes milliseconds. An index over the parts of
 * words would make every heartbeat pay for what is asked now and then.
 */
function conditions({ q, level, attempt, since, until }: LogQuery): Prisma.Sql {
  const parts = [
    q === undefined ? null : Prisma.sql`strpos(lower(l.text), lower(${q})) > 0`,
    level === undefined ? null : Prisma.sql`l.level = ANY(${asGraveAs(level)}::text[])`,
    attempt === undefined
      ? null
      : Prisma.sql`l.fence = (SELECT fence FROM attempt WHERE fold_id = l.fold_id AND number = ${attempt})`,
    since === undefined ? null : Prisma.sql`l.at >= ${since}::timestamptz`,
    until === undefined ? null : Prisma.sql`l.at < ${until}::timestamptz`,
  ].filter((part) => part !== null)
  return parts.length === 0 ? Prisma.empty : Prisma.sql`AND ${Prisma.join(parts, ' AND ')}`
}

function asGraveAs(level: LogLine['level']): LogLine['level'][] {
  const levels = ['info', 'warn', 'error'] as const
  return levels.slice(levels.indexOf(level))
}

function logLineOf({ id, fold, attempt, level, text, at }: LogRow): StoredLogLine {
  return { id: Number(id), fold, attempt, level: level as LogLine['level'], text, at: at.toISOString() }
}
