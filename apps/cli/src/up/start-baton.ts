import path from 'node:path'
import { startApi } from '@baton/api'
import { ownClient, startBot, telegramOptions } from '@baton/bot'
import type { Config, Secret } from '@baton/config'
import { AppError, createClient } from '@baton/contracts'
import type { Client } from '@baton/contracts'
import { startCoordinator } from '@baton/coordinator'
import { admitOwnerToken } from '@baton/core'
import { migrate, openDatabase } from '@baton/db'
import type { Log } from '@baton/log'
import { startPostgres } from '@baton/postgres'
import type { Durability } from '@baton/postgres'
import { openQueue } from '@baton/queue'
import { ownerTokenFile } from '../client/owner-token.ts'
import { openTracing, startMetrics } from '@baton/telemetry'
import { createClosers } from './closers.ts'
import type { Closers } from './closers.ts'
import { keepSecret } from './keep-secret.ts'
import { localUrl } from './local-url.ts'
import { makeDataDir } from './make-data-dir.ts'
import { openStorage } from './open-storage.ts'

export interface BatonOptions {
  readonly config: Config
  readonly log: Log
  /** Takes notifications where no Telegram bot is configured. */
  readonly print?: (text: string) => void
  /** Of the embedded database; `none` for what is thrown away. */
  readonly durability?: Durability
}

export interface RunningBaton {
  /** Where the API listens on this machine. */
  readonly url: string
  readonly ownerToken: Secret
  /** The API as its owner. */
  readonly api: Client
  /** Settles when something that Baton cannot do without is gone for good; else never. */
  readonly lost: Promise<Error>
  /** Ends everything in order: requests and jobs under way first, the database last. */
  close(): Promise<void>
}

/**
 * Runs API, coordinator and bot in this process, on what the configuration names, or else on an embedded PostgreSQL
 * and an S3 endpoint on the API's own origin. The owner's token is kept in the data folder for other commands.
 *
 * @throws {AppError} `config-invalid`, `unavailable`, `database-incompatible`; nothing is left running then
 */
export async function startBaton(options: BatonOptions): Promise<RunningBaton> {
  const closers = createClosers()
  try {
    return await start(options, closers)
  } catch (error) {
    await closers
      .closeAll()
      .catch((cause: unknown) => options.log.warn({ err: cause }, 'not everything ended in order'))
    throw error
  }
}

async function start(options: BatonOptions, closers: Closers): Promise<RunningBaton> {
  const { config, log } = options
  await makeDataDir(config.data.dir)
  const { url: databaseUrl, lost } = await openPostgres(options, closers)
  await migrate({ url: databaseUrl, log })
  const { tracer, database } = await openTracing({
    config: config.tracing,
    service: 'baton',
    database: openDatabase({ url: databaseUrl }),
    log: log.child({ part: 'traces' }),
  })
  closers.add(() => database.close())
  if (tracer) closers.add(() => tracer.close())
  const ownerToken = await keepSecret(ownerTokenFile(config.data.dir), {
    given: config.auth.ownerToken,
    prefix: 'baton_owner_',
  })
  await admitOwnerToken(database, ownerToken.reveal())

  const url = localUrl(config.http)
  const {
    blobs,
    s3,
    close: closeStorage,
  } = await openStorage({ config, url, databaseUrl, log: log.child({ part: 'storage' }) })
  closers.add(closeStorage)
  const redisUrl = config.queue.url?.reveal()
  const queue = await openQueue({
    backend: redisUrl === undefined ? { kind: 'postgres', url: databaseUrl } : { kind: 'redis', url: redisUrl },
    log: log.child({ part: 'queue' }),
  })
  closers.add(() => queue.close())
  const bot = await startBot({
    store: database,
    queue,
    client: ownClient({ url, store: database }),
    telegram: telegramOptions(config),
    print: options.print ?? (() => undefined),
    log: log.child({ part: 'bot' }),
  })
  closers.add(() => bot.close())
  const source = { database, queue }
  const metrics = await startMetrics({
    config: config.metrics,
    source,
    state: true,
    log: log.child({ part: 'metrics' }),
  })
  if (metrics) closers.add(() => metrics.close())
  const common = { database, queue, blobs, times: config.lease }
  const api = await startApi({
    ...common,
    ...config.http,
    s3,
    queueBoard: { ...config.queueBoard, queue },
    telegramWebhook: bot.webhook,
    botName: bot.botName,
    meter: metrics?.requests ?? null,
    tracer,
    log: log.child({ part: 'api' }),
  }).catch((error: unknown) => {
    throw explainListening(error, config)
  })
  closers.add(() => api.close())
  await blobs.ensureBucket()
  const coordinator = await startCoordinator({
    ...common,
    auditDays: config.audit.days,
    retention: config.retention,
    tracer,
    log: log.child({ part: 'coordinator' }),
  })
  closers.add(() => coordinator.close())
  const client = createClient({ url, token: ownerToken.reveal() })
  return { url, ownerToken, api: client, lost, close: () => closers.closeAll() }
}

/** The database the configuration names, or our own. */
async function openPostgres(
  { config, log, durability = 'safe' }: BatonOptions,
  closers: Closers,
): Promise<{ url: string; lost: Promise<Error> }> {
  if (config.database.url) return { url: config.database.url.reveal(), lost: new Promise(() => undefined) }
  const dataDir = path.join(config.data.dir, 'postgres')
  const postgres = await startPostgres({ dataDir, durability, log: log.child({ part: 'postgres' }) }).catch(
    (cause: Error) => {
      throw new AppError('unavailable', { dataDir }, { detail: cause.message, cause })
    },
  )
  closers.add(() => postgres.stop())
  return { url: postgres.url, lost: new Promise((resolve) => postgres.onExit(resolve)) }
}

/** Why the API cannot listen, by the variable that says where. */
function explainListening(error: unknown, { http }: Config): unknown {
  const { code } = error as NodeJS.ErrnoException
  const faults = {
    EADDRINUSE: { pointer: 'BATON_PORT', detail: `is taken: something listens on ${http.port} already` },
    EACCES: { pointer: 'BATON_PORT', detail: `is closed to this user: choose one above 1023 instead of ${http.port}` },
    EADDRNOTAVAIL: { pointer: 'BATON_HOST', detail: `is no address of this machine: ${http.host}` },
    ENOTFOUND: { pointer: 'BATON_HOST', detail: `is no address of this machine: ${http.host}` },
  }
  const fault = faults[code as keyof typeof faults]
  return fault === undefined ? error : new AppError('config-invalid', {}, { faults: [fault], cause: error })
}
