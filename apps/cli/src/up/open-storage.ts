import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '@baton/config'
import type { Log } from '@baton/log'
import { createS3Endpoint } from '@baton/s3-endpoint'
import type { S3Endpoint } from '@baton/s3-endpoint'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import pg from 'pg'
import { keepSecret } from './keep-secret.ts'

export interface OpenStorage {
  /** Its bucket may not be there yet: the embedded store answers once the API serves it. */
  readonly blobs: S3BlobStore
  /** What the API is to serve under `/s3`; null where objects live elsewhere. */
  readonly s3: S3Endpoint | null
  readonly close: () => Promise<void>
}

export interface StorageOptions {
  readonly config: Config
  /** Where this machine reaches the API. */
  readonly url: string
  readonly databaseUrl: string
  readonly log: Log
}

const bucket = 'baton'
const region = 'us-east-1'
const accessKeyId = 'baton'
const prefix = '/s3'
/** Orphans are small and rare: what a crash left between a file and its row. */
const collectEveryMs = 3_600_000

/** How clients of the embedded store prove themselves; made on first use. */
export async function embeddedCredentials(dataDir: string): Promise<{ accessKeyId: string; secretAccessKey: string }> {
  return { accessKeyId, secretAccessKey: (await keepSecret(path.join(dataDir, 's3-secret'))).reveal() }
}

/** The embedded store's bucket, at an address that serves it. */
export const embeddedPlace = { region, bucket, prefix }

/** The object store that the configuration names, or our own beside the API. */
export async function openStorage(options: StorageOptions): Promise<OpenStorage> {
  const { storage } = options.config
  if (storage === null) return openEmbedded(options)
  const { accessKeyId, secretAccessKey, ...where } = storage
  const blobs = s3BlobStore({ ...where, credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() } })
  return { blobs, s3: null, close: async () => blobs.close() }
}

async function openEmbedded({ config, url, databaseUrl, log }: StorageOptions): Promise<OpenStorage> {
  const { data, http, embeddedStorage: limits } = config
  const credentials = await embeddedCredentials(data.dir)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 })
  pool.on('error', (error) => {
    // A pool that is ending lets go of connections before they are closed.
    if (!pool.ending) log.warn({ error }, 'storage connection lost')
  })
  const directory = path.join(data.dir, 'objects')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const s3 = createS3Endpoint({ pool, directory, credentials: [credentials], prefix, region, limits, log })
  const collecting = setInterval(() => {
    s3.collectGarbage().catch((error: unknown) => log.warn({ error }, 'objects not tidied'))
  }, collectEveryMs)
  const [endpoint, publicEndpoint] = [`${url}${prefix}`, `${http.publicUrl}${prefix}`]
  const blobs = s3BlobStore({ endpoint, publicEndpoint, region, bucket, credentials })
  return {
    blobs,
    s3,
    close: async () => {
      clearInterval(collecting)
      blobs.close()
      await s3.close()
      await pool.end()
    },
  }
}
