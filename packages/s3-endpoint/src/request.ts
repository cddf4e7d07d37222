import type { IncomingMessage } from 'node:http'
import type { Payload } from './auth/payload.ts'
import { S3Error, invalidArgument } from './errors.ts'
import type { Headers } from './headers.ts'
import { Query } from './query.ts'
import { decodeUri } from './uri.ts'

/** What an address names. */
export interface Target {
  /** Decoded path, the prefix included: what the client signed. */
  readonly path: string
  /** Empty for the service itself. */
  readonly bucket: string
  /** Empty for a bucket. */
  readonly key: string
  readonly query: Query
}

/** A request of a proven sender. */
export interface S3Request extends Target {
  readonly method: string
  readonly headers: Headers
  readonly payload: Payload
  /** The body as it comes; leaving the loop early leaves the connection open for the answer. */
  readonly body: AsyncIterable<Buffer>
}

/** What an operation answers with: a document, or bytes that are streamed, or nothing. */
export interface S3Response {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly document?: string
  /** Each chunk is used only until the next is asked for. */
  readonly stream?: AsyncIterable<Buffer>
  /** Called once the answer is sent or cannot be sent. */
  readonly release?: () => void
}

const keyMaxBytes = 1024

/**
 * Splits an address into bucket, key and query.
 * @throws {S3Error} `InvalidURI`, `KeyTooLongError`, `InvalidArgument`
 */
export function readTarget(url: string, prefix: string): Target {
  const mark = url.indexOf('?')
  const path = decodeUri(mark < 0 ? url : url.slice(0, mark))
  const query = new Query(mark < 0 ? '' : url.slice(mark + 1))
  if (path !== prefix && !path.startsWith(`${prefix}/`)) throw new S3Error('InvalidURI')
  const rest = path.slice(prefix.length + 1)
  const slash = rest.indexOf('/')
  const bucket = slash < 0 ? rest : rest.slice(0, slash)
  const key = slash < 0 ? '' : rest.slice(slash + 1)
  checkKey(key)
  // PostgreSQL's text holds no NUL; neither do S3's bucket names and parameters.
  if ([bucket, ...query.pairs.flat()].some((text) => text.includes('\0'))) throw new S3Error('InvalidURI')
  return { path, bucket, key, query }
}

/** @throws {S3Error} `KeyTooLongError`, `InvalidArgument` for a key that no client can mean */
export function checkKey(key: string): void {
  const sizeBytes = Buffer.byteLength(key)
  if (sizeBytes > keyMaxBytes) throw new S3Error('KeyTooLongError', { Size: sizeBytes, MaxSizeAllowed: keyMaxBytes })
  if (key.includes('\0')) throw invalidArgument('key', undefined, 'A key may not hold a NUL character.')
}

/** The body's bytes; a client that goes away in the middle shows as `IncompleteBody`. */
export async function* readBody(req: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') throw new S3Error('IncompleteBody')
    throw error
  }
}
