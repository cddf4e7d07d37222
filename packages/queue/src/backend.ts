import { Socket } from 'node:net'
import { AppError } from '@baton/contracts'
import { createPostgresBackend, Queue, runMigrations, Worker } from 'bullmq'
import type { PgPool, Processor, QueueOptions, WorkerOptions } from 'bullmq'
import type { Redis } from 'ioredis'
import pg from 'pg'
import { inTime } from './in-time.ts'
import { RedisClient } from './redis-client.ts'

/** The part of a pino logger that is used. */
export interface QueueLog {
  info: (fields: object, message: string) => void
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

export type QueueBackend =
  { readonly kind: 'postgres'; readonly url: string } | { readonly kind: 'redis'; readonly url: string }

export type BullQueue = Queue<object, void, string>
export type BullWorker = Worker<object, void, string>

/** BullMQ on one database: all queues and workers share its connections, but a worker has one more to wait on. */
export interface Backend {
  readonly queue: (name: string) => BullQueue
  readonly worker: (
    name: string,
    run: Processor<object, void> | null,
    options: Omit<WorkerOptions, 'connection'>,
  ) => BullWorker
  /** @throws {AppError} `unavailable` */
  readonly ping: () => Promise<void>
  /**
   * Closes the connections once all that was asked is answered; queues and workers must be closed before.
   * @throws {Error} if the database does not answer
   */
  readonly close: () => Promise<void>
  /** Ends workers and connections at once, though nobody answers; what waits for the database is given up. */
  readonly drop: () => void
}

/**
 * Opens a backend and makes it ready: PostgreSQL gets BullMQ's tables, in the schema `bullmq`, at their newest
 * version; Redis is asked whether it would forget jobs.
 *
 * @param prefix keeps apart what shares one database
 * @throws {AppError} `unavailable`
 */
export async function openBackend({ kind, url }: QueueBackend, prefix: string, log: QueueLog): Promise<Backend> {
  const backend = await (kind === 'postgres' ? openPostgres(url, prefix, log) : openRedis(url, prefix, log))
  const workers: BullWorker[] = []
  return {
    ...backend,
    queue: (name) => watched(backend.queue(name), log),
    worker: (name, run, options) => {
      const worker = watched(backend.worker(name, run, options), log)
      workers.push(worker)
      return worker
    },
    drop: () => {
      // Told first: a worker that does not close would connect again.
      for (const worker of workers) void worker.close(true)
      backend.drop()
    },
  }
}

async function openPostgres(url: string, prefix: string, log: QueueLog): Promise<Backend> {
  const sockets = new Set<Socket>()
  const pool = new pg.Pool({
    connectionString: url,
    stream: () => {
      const socket = new Socket()
      sockets.add(socket)
      return socket.once('close', () => sockets.delete(socket))
    },
    // BullMQ's statements name no schema. Nor do they wait for the disk: a power cut may lose what the queue did last, and
    // losing all of it loses nothing. A row leaves the outbox by a commit that does wait, and takes to the disk all that
    // was written before it, its job too.
    options: '-c search_path=bullmq -c synchronous_commit=off',
    // One for each worker to listen on, and ten to work with; idle ones are closed.
    max: 40,
    // A connection that was cut without a word is noticed, and its worker listens again.
    keepAlive: true,
  })
  // Each queue and worker listens too.
  pool.setMaxListeners(0)
  // `end` does not wait for the sockets: what the database says to them after that is no news.
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ error }, 'queue connection lost')
  })
  // In use, a connection that is cut tells whoever waits for its answer; its event has to be heard all the same.
  pool.on('connect', (client) => client.on('error', () => undefined))
  await asUnavailable(async () => {
    const client = await pool.connect()
    try {
      await runMigrations(client, 'bullmq')
    } finally {
      client.release()
    }
  })
  const connection = pool as unknown as PgPool
  const named = (name: string) => `${prefix}-${name}`
  return {
    queue: (name) => new Queue(named(name), { connection }, createPostgresBackend) as unknown as BullQueue,
    worker: (name, run, options) =>
      new Worker(named(name), run, { ...options, connection }, createPostgresBackend) as unknown as BullWorker,
    ping: () => asUnavailable(() => inTime(pool.query('SELECT 1'))),
    close: () => inTime(pool.end()),
    drop: () => {
      if (!pool.ending) void pool.end()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function openRedis(url: string, prefix: string, log: QueueLog): Promise<Backend> {
  // Commands wait for the connection to come back instead of failing after some tries: BullMQ's workers need that.
  const connection = new RedisClient(url, { maxRetriesPerRequest: null, lazyConnect: true })
  connection.on('error', (error) => log.warn({ error }, 'queue connection lost'))
  try {
    await asUnavailable(() => connection.connect())
  } catch (error) {
    connection.disconnect()
    throw error
  }
  await warnIfForgetful(connection, log)
  const common = { connection, prefix } satisfies QueueOptions
  return {
    queue: (name) => new Queue(name, common),
    worker: (name, run, options) => new Worker(name, run, { ...options, ...common }),
    ping: () => asUnavailable(() => inTime(connection.ping())),
    close: async () => void (await inTime(connection.quit())),
    drop: () => connection.drop(),
  }
}

/** Jobs that Redis drops are offered again by the reconciler, but late: say so at the start. */
async function warnIfForgetful(redis: Redis, log: QueueLog): Promise<void> {
  const wanted = { appendonly: 'yes', 'maxmemory-policy': 'noeviction' }
  for (const [setting, right] of Object.entries(wanted)) {
    // Managed Redis may forbid CONFIG: then there is nothing to say.
    const answer = await redis.config('GET', setting).catch(() => null)
    const value = Array.isArray(answer) ? String(answer[1]) : undefined
    if (value !== undefined && value !== right)
      log.warn({ setting, value, right }, 'redis may lose jobs: change this setting')
  }
}

/** An `error` event that nobody hears ends the process; connections come back by themselves. */
function watched<T extends BullQueue | BullWorker>(emitter: T, log: QueueLog): T {
  ;(emitter as BullWorker).on('error', (error) => {
    if (!emitter.closing) log.warn({ error, queue: emitter.name }, 'queue error')
  })
  return emitter
}

async function asUnavailable<T>(work: () => Promise<T>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw new AppError('unavailable', {}, { detail: `the queue does not answer: ${(cause as Error).message}`, cause })
  }
}
