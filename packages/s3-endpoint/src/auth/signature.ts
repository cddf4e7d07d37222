import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Headers } from '../headers.ts'
import type { Query } from '../query.ts'
import { encodePath } from '../uri.ts'

export const algorithm = 'AWS4-HMAC-SHA256'

/** What a signature is made over besides the request: who, when, where. */
export interface SigningScope {
  readonly secretAccessKey: string
  /** yyyyMMdd'T'HHmmss'Z' */
  readonly date: string
  readonly region: string
}

export interface SignedRequest {
  readonly method: string
  /** Decoded path as the client sees it, the endpoint's prefix included. */
  readonly path: string
  readonly query: Query
  readonly headers: Headers
  /** Lower-case names in the order in which they were signed. */
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
}

/**
 * The canonical request of Signature Version 4.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function canonicalRequest(request: SignedRequest): string {
  const headers = request.signedHeaders.map((name) => {
    const value = request.headers.get(name) ?? ''
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`
  })
  return [
    request.method,
    encodePath(request.path),
    request.query.canonical('X-Amz-Signature'),
    headers.join(''),
    request.signedHeaders.join(';'),
    request.payloadHash,
  ].join('\n')
}

/** The text whose HMAC is a request's signature. Header bytes are latin1 characters here, and hashed as bytes. */
export function stringToSign(scope: SigningScope, canonical: string): string {
  return [algorithm, scope.date, scopeText(scope), sha256Hex(Buffer.from(canonical, 'latin1'))].join('\n')
}

/** `date/region/s3/aws4_request`, as it stands in every string that is signed. */
export function scopeText({ date, region }: SigningScope): string {
  return `${date.slice(0, 8)}/${region}/s3/aws4_request`
}

/** Hex HMAC-SHA256 of the text under the scope's derived key. */
export function sign(scope: SigningScope, text: string): string {
  const key = [scope.date.slice(0, 8), scope.region, 's3', 'aws4_request'].reduce(
    hmac,
    Buffer.from(`AWS4${scope.secretAccessKey}`),
  )
  return hmac(key, text).toString('hex')
}

/** Compares signatures in a time that does not depend on where they differ. */
export function sameSignature(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
