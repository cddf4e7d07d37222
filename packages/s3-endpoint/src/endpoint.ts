import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Pool } from 'pg'
import { authenticate } from './auth/authenticate.ts'
import type { Credentials } from './auth/authenticate.ts'
import type { Context, EndpointLog } from './context.ts'
import { S3Error } from './errors.ts'
import { toS3Error } from './failure.ts'
import { collectGarbage } from './files/collect-garbage.ts'
import { createFileStore } from './files/file-store.ts'
import { readHeaders } from './headers.ts'
import { createQuota } from './limits.ts'
import type { Limits } from './limits.ts'
import { readBody, readTarget } from './request.ts'
import type { S3Response } from './request.ts'
import { errorResponse, respond } from './respond.ts'
import { route } from './route.ts'

export interface S3EndpointOptions {
  /** Holds the metadata; the tables s3_* must be there. Stays the caller's to end. */
  readonly pool: Pool
  /** Where bytes lie. One process at a time: what it removes, another could be reading. */
  readonly directory: string
  /** Who may do everything here. The first one's id is shown as the owner. */
  readonly credentials: readonly [Credentials, ...Credentials[]]
  /** The path under which it is mounted, e.g. `/s3`: clients sign it too. Empty for the origin's root. */
  readonly prefix: string
  readonly region: string
  readonly limits?: Limits
  readonly log?: EndpointLog
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

export interface S3Endpoint {
  /** Answers one request, with an error document where it has to; never rejects. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /**
   * Removes files that no row names, and multipart uploads that nobody went on with for a week.
   * Files younger than an hour are left alone: their row may be about to be written.
   */
  collectGarbage(): Promise<{ removed: number }>
  /** Waits for the requests in progress and for files that are still to be removed. New requests get a 503. */
  close(): Promise<void>
}

/** A connection on which nothing moves for this long is closed, and what it was uploading is removed. */
const idleMaxMs = 120_000

/**
 * Objects share an origin with the dashboard, and whoever may write one chooses its content type: without these a page
 * that was stored as an object would run with the rights of whoever opens it.
 */
const guards = [
  ['content-security-policy', "sandbox; default-src 'none'"],
  ['x-content-type-options', 'nosniff'],
] as const

/**
 * A small S3 server for one machine: metadata in PostgreSQL, bytes in files.
 *
 * What it answers 200 for survives the death of the process: bytes are durable before the row is committed, and the row
 * is committed before the answer. An object is seen whole or not at all.
 */
export function createS3Endpoint(options: S3EndpointOptions): S3Endpoint {
  const { pool, directory, credentials, prefix, region, limits = {}, log = silent, now = Date.now } = options
  const files = createFileStore(directory, (error) => log.warn({ error }, 's3 file not removed'))
  const quota = createQuota(pool, limits)
  const ownerId = credentials[0].accessKeyId
  const context: Context = { db: pool, files, limits, quota, region, prefix, now, ownerId }
  const running = new Set<Promise<void>>()
  let closing = false

  const answer = async (req: IncomingMessage): Promise<S3Response> => {
    if (closing) throw new S3Error('ServiceUnavailable')
    const target = readTarget(req.url ?? '', prefix)
    const method = req.method ?? ''
    const proven = authenticate(
      { ...target, method, headers: readHeaders(req.rawHeaders) },
      { credentials, region, now },
    )
    const request = { ...target, ...proven, method, body: readBody(req) }
    return route(request, context.ownerId)(context, request)
  }

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const requestId = randomUUID()
    res.setHeader('x-amz-request-id', requestId)
    for (const [name, value] of guards) res.setHeader(name, value)
    req.socket.setTimeout(idleMaxMs)
    try {
      const response = await answer(req)
      try {
        await respond(req, res, response)
      } finally {
        response.release?.()
      }
    } catch (error) {
      if (isGone(req, res)) return
      const failure = toS3Error(error)
      if (failure.status >= 500 && failure.status !== 501) log.error({ error, requestId }, 's3 request failed')
      if (res.headersSent) return void res.destroy()
      const resource = (req.url ?? '').split('?')[0]!
      await respond(req, res, errorResponse(failure, { resource, requestId })).catch(() => res.destroy())
    }
  }

  return {
    async handle(req, res) {
      const work = handle(req, res)
      running.add(work)
      await work.finally(() => running.delete(work))
    },
    collectGarbage: () => collectGarbage(context, directory),
    async close() {
      closing = true
      await Promise.all(running)
      await files.settled()
    },
  }
}

/** Whether nobody is there to be answered. */
function isGone(req: IncomingMessage, res: ServerResponse): boolean {
  return res.destroyed || req.socket.destroyed
}

const silent: EndpointLog = { warn: () => undefined, error: () => undefined }
