import { columns, isNullable } from '@baton/contracts'
import type { ColumnName, LeaderboardRow, SortKey } from '@baton/contracts'
import { decodeCursor, pageOf, sha256 } from '@baton/core'
import type { CursorKey, ExperimentQuery, Page } from '@baton/core'
import type { Connection } from '../connection.ts'
import { Prisma } from '../generated/client.ts'
import { columnSql, filterSql } from './filter-sql.ts'

type Value = string | number | null
/** What was asked for by column, and the sort keys as `key0`, `key1` … */
type Row = Record<string, Value | Date>

/**
 * A page of experiments in any order, by its sort keys and never by an offset.
 *
 * What follows a row in an order of several keys falls into stretches that follow one another: those equal in all keys
 * but the last and after it there; those equal in all but the last two; and so on. Each stretch, and within it first
 * those that have a value and then those without one, is a range of an index, and read only when the ones before it did
 * not fill the page. One condition for them all would be a scan of all rows before the page.
 */
export async function boardPage(db: Connection, query: ExperimentQuery): Promise<Page<LeaderboardRow>> {
  const { sort, limit } = query
  const order = sha256(JSON.stringify([sort, query.filter, query.completedOnly])).slice(0, 16)
  const after = decodeCursor(order, query.cursor, ['number', ...sort.map(({ column }) => keyType(column))])
  const rankBefore = after === null ? 0 : Number(after[0])
  const rows: Row[] = []
  for (const stretch of stretchesAfter(sort, after?.slice(1) ?? null)) {
    if (rows.length > limit) break
    rows.push(...(await readStretch(db, query, stretch, limit + 1 - rows.length)))
  }
  const ranked = rows.map((row, i) => ({ row, rank: rankBefore + i + 1 }))
  return pageOf(ranked, limit, {
    order,
    keyOf: ({ row, rank }) => [rank, ...sort.map((_, i) => plain(row[`key${i}`]!))],
    itemOf: ({ row, rank }) => ({
      rank,
      ...(Object.fromEntries(query.columns.map((name) => [name, plain(row[name]!)])) as Omit<LeaderboardRow, 'rank'>),
    }),
  })
}

/** Rows that follow one another without a gap, in this order. */
interface Stretch {
  readonly where: readonly Prisma.Sql[]
  readonly orderBy: readonly Prisma.Sql[]
}

function stretchesAfter(sort: readonly SortKey[], after: CursorKey | null): Stretch[] {
  // In the order of a tally's column its index has the version too.
  const sqlOf = ({ column }: SortKey) =>
    column === 'version' && columns[sort[0]!.column].of === 'tally' ? Prisma.sql`t.version` : columnSql[column]
  if (after === null) return split(sort, [], null, sqlOf)
  return sort.flatMap((_, i) => {
    const at = sort.length - 1 - i
    // What has no value stands last, so nothing that differs from it in this key comes after it.
    if (after[at] === null) return []
    const equal = sort.slice(0, at).map((key, j) => equals(key, after[j]!, sqlOf))
    return split(sort.slice(at), equal, after[at]!, sqlOf)
  })
}

type SqlOf = (key: SortKey) => Prisma.Sql

/** Those with a value of the first key, behind `after` where there is one; then those without. */
function split(keys: readonly SortKey[], equal: readonly Prisma.Sql[], after: Value, sqlOf: SqlOf): Stretch[] {
  const first = keys[0]!
  const canMiss = isNullable(first.column)
  const value = sqlOf(first)
  const rest = keys.slice(1).map((key) => {
    const nulls = isNullable(key.column) ? Prisma.sql` NULLS LAST` : Prisma.empty
    return Prisma.sql`${sqlOf(key)} ${directionOf(key)}${nulls}`
  })
  const behind =
    after === null
      ? canMiss
        ? [Prisma.sql`${value} IS NOT NULL`]
        : []
      : [Prisma.sql`${value} ${first.descending ? Prisma.sql`<` : Prisma.sql`>`} ${parameter(first, after)}`]
  return [
    { where: [...equal, ...behind], orderBy: [Prisma.sql`${value} ${directionOf(first)}`, ...rest] },
    ...(canMiss ? [{ where: [...equal, Prisma.sql`${value} IS NULL`], orderBy: rest }] : []),
  ]
}

function directionOf({ descending }: SortKey): Prisma.Sql {
  return descending ? Prisma.sql`DESC` : Prisma.sql`ASC`
}

function equals(key: SortKey, value: Value, sqlOf: SqlOf): Prisma.Sql {
  return value === null ? Prisma.sql`${sqlOf(key)} IS NULL` : Prisma.sql`${sqlOf(key)} = ${parameter(key, value)}`
}

/** Of the column's own type, so that the index is used. */
function parameter({ column }: SortKey, value: Value): Prisma.Sql {
  switch (columns[column].type) {
    case 'integer':
      return Prisma.sql`${value}::int4`
    case 'number':
      return Prisma.sql`${value}::float8`
    case 'text':
      return Prisma.sql`${value}::text`
    case 'moment':
      return Prisma.sql`${value}::timestamptz`
  }
}

async function readStretch(db: Connection, query: ExperimentQuery, stretch: Stretch, limit: number): Promise<Row[]> {
  const { projectId, completedOnly, filter, sort } = query
  const selected = [
    ...query.columns.map((column) => Prisma.sql`${columnSql[column]} AS ${Prisma.raw(`"${column}"`)}`),
    ...sort.map(({ column }, i) => Prisma.sql`${columnSql[column]} AS ${Prisma.raw(`"key${i}"`)}`),
  ]
  const table = columns[sort[0]!.column].of === 'tally' ? Prisma.sql`t` : Prisma.sql`e`
  const conditions = [
    Prisma.sql`${table}.project_id = ${projectId}::uuid`,
    ...(completedOnly ? [Prisma.sql`e.status = 'completed'`] : []),
    ...stretch.where,
    ...(filter === null ? [] : [filterSql(filter)]),
  ]
  return db.$queryRaw<Row[]>`
    SELECT ${Prisma.join(selected)} FROM experiment e JOIN tally t ON t.experiment_id = e.id
    WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY ${Prisma.join([...stretch.orderBy])} LIMIT ${limit}`
}

function plain(value: Value | Date): Value {
  return value instanceof Date ? value.toISOString() : value
}

function keyType(column: ColumnName): 'string' | 'number' {
  const { type } = columns[column]
  return type === 'text' || type === 'moment' ? 'string' : 'number'
}
