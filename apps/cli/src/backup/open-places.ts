import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Config } from '@baton/config'
import { AppError } from '@baton/contracts'
import { createLog } from '@baton/log'
import type { Log } from '@baton/log'
import { findRunning, startPostgres } from '@baton/postgres'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import { createClosers } from '../up/closers.ts'
import { localUrl } from '../up/local-url.ts'
import { embeddedCredentials, embeddedPlace, openStorage } from '../up/open-storage.ts'

/** The database and the store that a configuration means, whether Baton runs on them or not. */
export interface Places {
  readonly databaseUrl: string
  /** Call it once the database has its tables: an embedded store keeps its own among them. */
  readonly openBlobs: () => Promise<S3BlobStore>
  readonly close: () => Promise<void>
}

/**
 * Finds what the configuration names: servers of others; the embedded ones of a running `baton up`; or, where none
 * runs, the embedded ones started here for as long as they are needed.
 *
 * @param running `join` uses what a running Baton has open; `refuse` wants none to run on the embedded database.
 * @throws {AppError} `conflict` where Baton runs and may not, `unavailable`
 */
export async function openPlaces(config: Config, running: 'join' | 'refuse'): Promise<Places> {
  const closers = createClosers()
  const log = createLog({ app: 'baton', level: 'silent' })
  const external = config.database.url?.reveal()
  const found = external === undefined ? await findRunning(postgresDir(config)) : null
  if (found !== null && running === 'refuse')
    throw new AppError('conflict', {}, { detail: `Baton runs on ${config.data.dir}: end it and try again` })
  const databaseUrl = external ?? found ?? (await startEmbedded(config, log, closers.add))
  const isJoined = async () =>
    running === 'join' && (found !== null || (external !== undefined && (await answers(localUrl(config.http)))))
  const openBlobs = async () => {
    const joins = config.storage === null && (await isJoined())
    const opened = joins ? await joinStorage(config) : await openOwnStorage(config, databaseUrl, log)
    closers.add(opened.close)
    return opened.blobs
  }
  return { databaseUrl, openBlobs, close: closers.closeAll }
}

type Add = (close: () => Promise<unknown>) => void

const postgresDir = ({ data }: Config) => path.join(data.dir, 'postgres')

async function startEmbedded(config: Config, log: Log, add: Add): Promise<string> {
  const dataDir = postgresDir(config)
  const postgres = await startPostgres({ dataDir, log }).catch((cause: Error) => {
    throw new AppError('unavailable', { dataDir }, { detail: cause.message, cause })
  })
  add(() => postgres.stop())
  return postgres.url
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}${embeddedPlace.prefix}`, { signal: AbortSignal.timeout(5_000) }).then(
    () => true,
    () => false,
  )
}

interface Opened {
  readonly blobs: S3BlobStore
  readonly close: () => Promise<void>
}

/** The embedded store as the running API serves it: one process alone may have its files open. */
async function joinStorage(config: Config): Promise<Opened> {
  const { prefix, ...place } = embeddedPlace
  const credentials = await embeddedCredentials(config.data.dir)
  const blobs = s3BlobStore({ ...place, endpoint: `${localUrl(config.http)}${prefix}`, credentials })
  return { blobs, close: async () => blobs.close() }
}

/** A store of others, or the embedded one served here, to this process alone. */
async function openOwnStorage(config: Config, databaseUrl: string, log: Log): Promise<Opened> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { blobs, s3, close } = await openStorage({ config, url, databaseUrl, log })
  server.on('request', (request, response) => void s3?.handle(request, response))
  return {
    blobs,
    close: async () => {
      await close()
      server.closeAllConnections()
      server.close()
    },
  }
}
