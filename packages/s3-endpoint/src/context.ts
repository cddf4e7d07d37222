import type { Pool } from 'pg'
import type { FileStore } from './files/file-store.ts'
import type { Limits, Quota } from './limits.ts'
import type { S3Request, S3Response } from './request.ts'

/** Takes fields first, then a fixed message, as pino does. */
export interface EndpointLog {
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What every operation works with. */
export interface Context {
  readonly db: Pool
  readonly files: FileStore
  readonly limits: Limits
  readonly quota: Quota
  readonly region: string
  /** Shown as the owner of everything: there is one. */
  readonly ownerId: string
  /** The endpoint's own path on its origin, without a slash at the end. */
  readonly prefix: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** One S3 operation. */
export type Operation = (context: Context, request: S3Request) => Promise<S3Response>
