import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import type { Prisma } from './generated/client.ts'

/**
 * Runs a statement that comes with every heartbeat or request: planned once a connection, where planning it each time
 * would take longer than running it, and past the layers that turn rows into models. One text a name.
 */
export type RunPrepared = <Row extends object>(name: string, statement: Prisma.Sql) => Promise<Row[]>

type Connect = (connection: pg.PoolClient) => void

/** Says which connection Prisma took for a transaction, so that prepared statements run in it beside Prisma's own. */
export class ConnectionPool extends pg.Pool {
  readonly #taken = new AsyncLocalStorage<Connect>()

  readonly runPrepared: RunPrepared = (name, statement) => runOn(this, name, statement)

  /** @param begin Begins Prisma's transaction and gives its outcome; `run` is good while that lasts. */
  async transaction<T>(begin: (run: RunPrepared) => Promise<T>): Promise<T> {
    let connection: pg.PoolClient | null = null
    const take: Connect = (taken) => {
      if (connection !== null) return
      connection = taken
      // Given up in the middle, it goes to somebody else: nothing more may be written on it then.
      const release = taken.release.bind(taken)
      taken.release = (error) => {
        connection = null
        release(error)
      }
    }
    return this.#taken.run(take, () =>
      begin((name, statement) => {
        if (connection === null) throw new Error('the transaction is over')
        return runOn(connection, name, statement)
      }),
    )
  }

  override connect(): Promise<pg.PoolClient>
  override connect(done: Parameters<pg.Pool['connect']>[0]): void
  override connect(done?: Parameters<pg.Pool['connect']>[0]): Promise<pg.PoolClient> | void {
    if (done) return super.connect(done)
    return super.connect().then((connection) => {
      this.#taken.getStore()?.(connection)
      return connection
    })
  }
}

async function runOn<Row extends object>(
  connection: pg.Pool | pg.PoolClient,
  name: string,
  { text, values }: Prisma.Sql,
): Promise<Row[]> {
  return (await connection.query<Row & pg.QueryResultRow>({ name, text, values })).rows
}
