import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlobStore, JobQueue, LeaseTimes } from '@baton/core'
import { defaultLeaseTimes, presenceGapSeconds, presenceSeconds } from '@baton/core'
import type { Database } from '@baton/db'
import type { Log } from '@baton/log'
import type { S3Endpoint } from '@baton/s3-endpoint'
import { buildServer } from './server.ts'

export interface ApiOptions {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  /** Address that notebooks reach this API under; by default the one it listens on. */
  readonly publicUrl?: string | undefined
  readonly database: Database
  readonly queue: JobQueue
  readonly blobs: BlobStore
  /** The embedded object store, served under `/s3`; null where objects live elsewhere. */
  readonly s3: S3Endpoint | null
  /** Takes Telegram's calls under `/telegram`, where a webhook is configured. */
  readonly telegramWebhook?: ((req: IncomingMessage, res: ServerResponse) => void) | undefined
  /** User name of the bot, for pairing links. */
  readonly botName?: string | null
  readonly log: Log
  readonly times?: LeaseTimes
}

export interface RunningApi {
  readonly url: string
  /** Stops taking requests, lets those under way finish, and ends waiting long polls. */
  close(): Promise<void>
}

/** Starts REST /v1. While it runs it says so in the database: leases expire only while workers can renew them. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const closing = new AbortController()
  const server = buildServer({ ...options, times: options.times ?? defaultLeaseTimes, closing: closing.signal })
  await options.database.presence.touch('api', presenceGapSeconds)
  const presence = setInterval(() => {
    options.database.presence
      .touch('api', presenceGapSeconds)
      .catch((error: unknown) => options.log.warn({ error }, 'presence not written'))
  }, presenceSeconds * 1000)
  const url = await server.listen({ host: options.host, port: options.port })
  options.log.info({ url }, 'api listens')
  return {
    url,
    close: async () => {
      clearInterval(presence)
      closing.abort()
      await server.close()
    },
  }
}
