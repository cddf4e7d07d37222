import pg from 'pg'
import { roleName } from './data-dir.ts'
import { stopOrphans } from './orphan.ts'
import { endServer, freePort, PortTaken, spawnServer, waitUntilReady, watchOver } from './server.ts'
import type { Server, ServerOptions } from './server.ts'

/** The part of a pino logger that is used. */
export interface PostgresLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface Postgres {
  /** Address of the database `baton`, with the password. */
  readonly url: string
  readonly port: number
  /** Stops the server in order and lets the data directory go; calling it again waits for the same end. */
  stop: () => Promise<void>
  /** Calls back once if the server is gone for good without `stop`: it died and could not be started again. */
  onExit: (callback: (error: Error) => void) => void
}

export interface SuperviseOptions extends Omit<ServerOptions, 'port'> {
  readonly password: string
  readonly port: number | undefined
  readonly log: PostgresLog | undefined
  /** Lets others have the data directory; called once nothing runs on it any more. */
  readonly release: () => void
}

/** Starts the server, with the database `baton` in it, and starts it again whenever it dies before `stop`. */
export async function supervise(options: SuperviseOptions): Promise<Postgres> {
  const { log, release } = options
  const first = await launchOnFreePort(options)
  const { port } = first
  let { server } = first
  let stopping: Promise<void> | undefined

  const keepRunning = async (): Promise<Error | undefined> => {
    for (;;) {
      const end = await server.ended
      if (stopping) return undefined
      log?.warn(end, 'database server died, starting it again')
      try {
        server = await launch(options, port)
      } catch (error) {
        if (stopping) return undefined
        release()
        return error as Error
      }
      if (stopping) await endServer(server)
    }
  }
  const kept = keepRunning()
  const stop = async () => {
    await endServer(server)
    await kept
    release()
  }
  return {
    url: urlOf(options, port, databaseName),
    port,
    stop: () => (stopping ??= stop()),
    onExit: (callback) => void kept.then((error) => error && callback(error)),
  }
}

export const databaseName = 'baton'

/** Between finding a free port and listening on it someone else may take it: then it is another one's turn. */
async function launchOnFreePort(options: SuperviseOptions): Promise<{ server: Server; port: number }> {
  for (;;) {
    const port = options.port ?? (await freePort())
    try {
      return { server: await launch(options, port), port }
    } catch (error) {
      if (options.port !== undefined || !(error instanceof PortTaken)) throw error
    }
  }
}

async function launch(options: SuperviseOptions, port: number): Promise<Server> {
  const orphans = await stopOrphans(options.dataDir)
  if (orphans > 0) options.log?.warn({ processes: orphans }, 'stopped a database server that was left behind')
  const server = spawnServer({ ...options, port })
  if (server.process.pid !== undefined) void server.ended.then(watchOver(server.process.pid))
  try {
    const url = urlOf(options, port, 'postgres')
    await waitUntilReady(server, url)
    await createDatabase(url)
    return server
  } catch (error) {
    await endServer(server)
    throw error
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${databaseName}`)
  } finally {
    await client.end()
  }
}

function urlOf({ password }: SuperviseOptions, port: number, database: string): string {
  return `postgresql://${roleName}:${password}@127.0.0.1:${port}/${database}`
}
