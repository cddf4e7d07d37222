import { once } from 'node:events'
import { loadConfig } from '@baton/config'
import type { Config } from '@baton/config'
import { AppError, isAppError } from '@baton/contracts'
import type { Fault } from '@baton/contracts'
import { migrate, openDatabase } from '@baton/db'
import type { Database } from '@baton/db'
import { createLog } from '@baton/log'
import type { Log } from '@baton/log'
import { openQueue } from '@baton/queue'
import type { Queue } from '@baton/queue'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import { openTracing, startMetrics } from '@baton/telemetry'
import type { RunningMetrics } from '@baton/telemetry'
import type { Tracer } from '@baton/trace'
import { showAlive } from './show-alive.ts'

/** What every service stands on. */
export interface Services {
  readonly config: Config
  readonly database: Database
  readonly queue: Queue
  readonly blobs: S3BlobStore
  readonly log: Log
  /** Null where no port for metrics is set. */
  readonly metrics: RunningMetrics | null
  /** Null where no collector is named. */
  readonly tracer: Tracer | null
}

/**
 * Runs a service as a process of its own, one of perhaps many replicas, until SIGTERM or SIGINT: it then ends in
 * order, requests and jobs under way first, connections last. A replica needs a database and a store that others
 * reach too, so nothing is embedded here; `baton up` does that.
 *
 * A mistake in the configuration is said on standard error, by variable, and ends the process with 1.
 */
export async function runService(
  app: string,
  start: (services: Services) => Promise<{ close(): Promise<void> }>,
): Promise<void> {
  try {
    const services = await openServices(app)
    const running = await start(services)
    const { aliveFile } = services.config.health
    const ping = () => services.database.ping()
    const stopShowing = aliveFile === null ? null : showAlive({ file: aliveFile, ping, log: services.log })
    await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
    services.log.info('stopping')
    stopShowing?.()
    await running.close()
    await services.metrics?.close()
    await services.tracer?.close()
    await services.queue.close()
    services.blobs.close()
    await services.database.close()
  } catch (error) {
    if (!isAppError(error)) throw error
    const faults = error.faults.map(({ pointer, detail }) => `  ${pointer} ${detail}`)
    process.stderr.write(`${[error.message, ...faults].join('\n')}\n`)
    // Connections that were opened before the failure would keep the process alive.
    process.exit(1)
  }
}

async function openServices(app: string): Promise<Services> {
  const config = loadConfig(process.env)
  const databaseUrl = config.database.url?.reveal()
  const { storage } = config
  if (databaseUrl === undefined || storage === null)
    throw notShared({ DATABASE_URL: databaseUrl, S3_ENDPOINT: storage })
  const log = createLog({ app, level: config.log.level })
  await migrate({ url: databaseUrl, log })
  const redisUrl = config.queue.url?.reveal()
  const blobs = s3BlobStore({
    endpoint: storage.endpoint,
    publicEndpoint: storage.publicEndpoint,
    region: storage.region,
    bucket: storage.bucket,
    credentials: { accessKeyId: storage.accessKeyId, secretAccessKey: storage.secretAccessKey.reveal() },
  })
  await blobs.ensureBucket()
  const { tracer, database } = await openTracing({
    config: config.tracing,
    service: `baton-${app}`,
    database: openDatabase({ url: databaseUrl }),
    log,
  })
  const queue = await openQueue({
    backend: redisUrl === undefined ? { kind: 'postgres', url: databaseUrl } : { kind: 'redis', url: redisUrl },
    log,
  })
  // What all share the coordinator shows; each replica shows what it does itself.
  const state = app === 'coordinator'
  const metrics = await startMetrics({ config: config.metrics, source: { database, queue }, state, log })
  return { config, database, queue, blobs, log, metrics, tracer }
}

function notShared(needed: Record<string, unknown>): AppError {
  const missing = Object.keys(needed).filter((name) => needed[name] === undefined || needed[name] === null)
  const faults: Fault[] = missing.map((pointer) => ({
    pointer,
    detail: 'is missing: a service of its own needs what the others reach too; on one machine use `baton up`',
  }))
  return new AppError('config-invalid', {}, { faults })
}
