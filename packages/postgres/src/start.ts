import path from 'node:path'
import { findBinaries } from './binaries.ts'
import { createCluster, passwordOf, placeDataDir } from './data-dir.ts'
import { lockDataDir } from './lock.ts'
import { supervise } from './supervise.ts'
import type { Postgres, PostgresLog } from './supervise.ts'
import { serverUser } from './user.ts'

/**
 * `safe`   a commit that was answered survives a power cut (PostgreSQL's default)
 * `none`   nothing is flushed to disk: several times faster, and a power cut may leave nothing readable;
 *          for databases that are thrown away, such as those of tests. Killed processes lose nothing either way.
 */
export type Durability = 'safe' | 'none'

export interface StartPostgresOptions {
  /** Where the database lives; made on first use. Its password and server log lie beside it. */
  readonly dataDir: string
  readonly log?: PostgresLog
  /** A free one if left out. */
  readonly port?: number
  readonly durability?: Durability
}

/** Where root keeps what the server's user cannot reach at its own place. */
const shelf = '/var/lib/baton'

/** What the server is told on top of PostgreSQL's defaults. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Several Baton processes with a pool each, and the queue's own connections.
  max_connections: '200',
  // Parallel plans need /dev/shm, of which containers have little; none of our queries wants them.
  max_parallel_workers_per_gather: '0',
  // A line every five minutes that says all is well hides the others.
  log_checkpoints: 'off',
}
/** Commits are still written before they are answered, so that the death of the server alone loses none. */
const unsafeSettings = { fsync: 'off', full_page_writes: 'off' }

/**
 * Runs a PostgreSQL of our own, reachable by its password at 127.0.0.1 only, as an ordinary user even under root.
 *
 * Nothing that dies takes data with it: a killed server is started again at the same port; when this process is
 * killed, a watchdog stops the server; when both are, the next start stops what still runs. It does not keep
 * the process alive and adds no signal handlers.
 *
 * @throws {Error} with what to do: the directory is run by another process, is of another PostgreSQL version, is
 *   closed to the server's user, or the server does not start (with its last log lines)
 */
export async function startPostgres(options: StartPostgresOptions): Promise<Postgres> {
  const dir = placeDataDir(path.resolve(options.dataDir), serverUser, shelf)
  const user = serverUser(dir.real)
  const isSafe = options.durability !== 'none'
  const lock = await lockDataDir(dir.real)
  try {
    const binaries = findBinaries(user, shelf)
    await createCluster(dir, user, binaries, isSafe)
    if (dir.isOnShelf)
      options.log?.info({ dataDir: dir.real, link: dir.wanted }, 'database is kept where its user can reach it')
    return await supervise({
      program: binaries.postgres,
      user,
      dataDir: dir.real,
      logFile: `${dir.wanted}.log`,
      settings: isSafe ? settings : { ...settings, ...unsafeSettings },
      password: passwordOf(dir),
      port: options.port,
      log: options.log,
      release: lock.release,
    })
  } catch (error) {
    lock.release()
    throw error
  }
}
