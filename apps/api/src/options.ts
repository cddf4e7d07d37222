import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlobStore, JobQueue, LeaseTimes } from '@baton/core'
import type { Database } from '@baton/db'
import type { Log } from '@baton/log'
import type { Queue } from '@baton/queue'
import type { S3Endpoint } from '@baton/s3-endpoint'
import type { RequestMeter } from '@baton/telemetry'
import type { Tracer } from '@baton/trace'
import type { RateLimits } from './plugins/rate-limit.ts'

export interface QueueBoardOptions {
  readonly queue: Pick<Queue, 'inspect'>
  /** Whether jobs can be tried again and removed there. */
  readonly isWritable: boolean
}

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
  /** Serves the page of queues under `/queues`; absent: it does not. */
  readonly queueBoard?: QueueBoardOptions
  /** User name of the bot, for pairing links. */
  readonly botName?: string | null
  readonly log: Log
  /** How long a request's headers and its body may take; by default half a minute and two. */
  readonly patience?: { readonly headersMs: number; readonly bodyMs: number }
  /** Absent: no limits. */
  readonly rateLimits?: RateLimits
  readonly times: LeaseTimes
  /** Null: nobody counts. */
  readonly meter?: RequestMeter | null
  /** Null: no traces are sent. */
  readonly tracer?: Tracer | null
}
