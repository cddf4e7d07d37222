import type { Pool, PoolClient } from 'pg'

/** Where a statement runs: on any connection, or in a transaction. */
export type Db = Pool | PoolClient

/** Runs `work` in a transaction: all of it happens, or nothing. */
export async function inTransaction<T>(pool: Pool, work: (db: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((rollback: Error) => (broken = rollback))
    throw error
  } finally {
    // A connection whose transaction could not be ended must not be lent again.
    client.release(broken)
  }
}

/** Awaits a statement and turns a foreign key that points nowhere into the error which that means. */
export async function orMissing<T>(statement: Promise<T>, toError: () => Error): Promise<T> {
  try {
    return await statement
  } catch (error) {
    if ((error as { code?: string }).code === foreignKeyViolation) throw toError()
    throw error
  }
}

const foreignKeyViolation = '23503'
