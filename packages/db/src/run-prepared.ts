import type pg from 'pg'
import type { Connection } from './connection.ts'
import type { Prisma } from './generated/client.ts'

/**
 * Runs a statement that comes with every heartbeat or request: planned once a connection, where planning it each time
 * would take longer than running it, and past the layers that turn rows into models. One text a name.
 */
export type RunPrepared = <Row extends object>(name: string, statement: Prisma.Sql) => Promise<Row[]>

export function preparedOn(pool: pg.Pool): RunPrepared {
  return async <Row extends object>(name: string, { text, values }: Prisma.Sql) =>
    (await pool.query<Row & pg.QueryResultRow>({ name, text, values })).rows
}

/** The same within a transaction, whose connection is not ours to reach. */
export function unpreparedOn(db: Connection): RunPrepared {
  return (_, statement) => db.$queryRaw(statement)
}
