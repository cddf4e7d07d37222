import path from 'node:path'
import type { Config } from '@baton/config'
import type { BlobStore } from '@baton/core'
import type { Log } from '@baton/log'
import { createS3Endpoint } from '@baton/s3-endpoint'
import type { S3Endpoint } from '@baton/s3-endpoint'
import { s3BlobStore } from '@baton/storage'
import pg from 'pg'
import { keepSecret } from './keep-secret.ts'

export interface OpenStorage {
  readonly blobs: BlobStore
  /** What the API is to serve under `/s3`; null where objects live elsewhere. */
  readonly s3: S3Endpoint | null
  close(): Promise<void>
}

const bucket = 'baton'
const region = 'us-east-1'
const accessKeyId = 'baton'
const prefix = '/s3'
/** Orphans are small and rare: what a crash left between a file and its row. */
const collectEveryMs = 3_600_000

/** The object store that the configuration names, or our own beside the API. */
export async function openStorage(config: Config, databaseUrl: string, log: Log): Promise<OpenStorage> {
  if (config.storage === null) return openEmbedded(config, databaseUrl, log)
  const { secretAccessKey, ...storage } = config.storage
  const blobs = s3BlobStore({ ...storage, secretAccessKey: secretAccessKey.reveal() })
  return { blobs, s3: null, close: async () => undefined }
}

async function openEmbedded({ data, http }: Config, databaseUrl: string, log: Log): Promise<OpenStorage> {
  const secretAccessKey = (await keepSecret(path.join(data.dir, 's3-secret'))).reveal()
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 })
  pool.on('error', (error) => log.warn({ err: error }, 'storage connection lost'))
  const s3 = createS3Endpoint({
    pool,
    directory: path.join(data.dir, 'objects'),
    credentials: [{ accessKeyId, secretAccessKey }],
    prefix,
    region,
    log,
  })
  const collecting = setInterval(() => {
    s3.collectGarbage().catch((error: unknown) => log.warn({ err: error }, 'objects not tidied'))
  }, collectEveryMs)
  collecting.unref()
  const address = `${http.publicUrl}${prefix}`
  const blobs = s3BlobStore({
    endpoint: address,
    publicEndpoint: address,
    region,
    bucket,
    accessKeyId,
    secretAccessKey,
  })
  return {
    blobs,
    s3,
    close: async () => {
      clearInterval(collecting)
      await s3.close()
      await pool.end()
    },
  }
}
