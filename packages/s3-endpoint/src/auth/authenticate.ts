import { S3Error, invalidArgument, invalidRequest } from '../errors.ts'
import { isHeaderName, isHeaderValue, toHeaderValue } from '../headers.ts'
import type { Headers } from '../headers.ts'
import type { Query } from '../query.ts'
import { checkScope, claimOfHeader, claimOfQuery, isPresigned, malformedQuery } from './claim.ts'
import type { Claim } from './claim.ts'
import { readPayload } from './payload.ts'
import type { Payload } from './payload.ts'
import { canonicalRequest, sameSignature, sign, stringToSign } from './signature.ts'
import type { SigningScope } from './signature.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface Verifier {
  readonly credentials: readonly Credentials[]
  readonly region: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A request whose sender is proven. */
export interface Authenticated {
  readonly accessKeyId: string
  /** The request's headers; for a presigned address its `x-amz-*` parameters stand among them. */
  readonly headers: Headers
  readonly payload: Payload
}

interface Unproven {
  readonly method: string
  readonly path: string
  readonly query: Query
  readonly headers: Headers
}

/** Clocks of client and server may differ by this much, as on Amazon S3. */
const skewMaxMs = 15 * 60_000
const expiresMaxSeconds = 7 * 24 * 3600

/**
 * Proves who sent a request by its Signature Version 4, in the header or in the query of a presigned address.
 *
 * Every `x-amz-*` header must be signed: otherwise the holder of a presigned address could add a copy source to it
 * and read what the address was not made for.
 *
 * @throws {S3Error} 403 for a sender or signature that is not right, 400 for one that cannot be read
 */
export function authenticate(request: Unproven, verifier: Verifier): Authenticated {
  const presigned = isPresigned(request.query)
  const claim = presigned ? claimOfQuery(request.query) : readHeaderClaim(request.headers, verifier)
  const headers = presigned ? withQueryHeaders(request) : request.headers
  const date = presigned ? readQueryDate(request.query) : headerDate(request.headers)
  const holder = findHolder(claim, { verifier, date, presigned })
  if (presigned) checkExpiry(request.query, verifier.now())
  if (headers.has('x-amz-security-token')) throw new S3Error('InvalidToken')

  const hash = headers.get('x-amz-content-sha256') ?? (presigned ? 'UNSIGNED-PAYLOAD' : undefined)
  if (hash === undefined) throw invalidRequest('Missing required header for this request: x-amz-content-sha256')
  const scope: SigningScope = { secretAccessKey: holder.secretAccessKey, date, region: claim.region }
  const payload = readPayload(hash, { scope, signature: claim.signature })
  checkSignedHeaders(request.headers, claim.signedHeaders)
  checkSignature({ ...request, signedHeaders: claim.signedHeaders, payloadHash: hash }, claim, scope)
  return { accessKeyId: holder.accessKeyId, headers, payload }
}

function readHeaderClaim(headers: Headers, verifier: Verifier): Claim {
  if (!headers.has('authorization')) throw new S3Error('AccessDenied')
  const skewMs = Math.abs(verifier.now() - parseDate(headerDate(headers))!)
  if (skewMs > skewMaxMs) throw tooSkewed(headerDate(headers), verifier.now())
  return claimOfHeader(headers)
}

function headerDate(headers: Headers): string {
  const date = headers.get('x-amz-date') ?? headers.get('date')
  if (date === undefined || parseDate(date) === null)
    throw new S3Error('AccessDenied', {}, 'AWS authentication requires a valid Date or x-amz-date header.')
  return date
}

function readQueryDate(query: Query): string {
  const date = query.get('X-Amz-Date')!
  if (parseDate(date) === null)
    throw malformedQuery(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
  return date
}

function findHolder(claim: Claim, at: { verifier: Verifier; date: string; presigned: boolean }): Credentials {
  const { verifier, date, presigned } = at
  checkScope(claim, { region: verifier.region, date, presigned })
  const holder = verifier.credentials.find(({ accessKeyId }) => accessKeyId === claim.accessKeyId)
  if (holder === undefined) throw new S3Error('InvalidAccessKeyId', { AWSAccessKeyId: claim.accessKeyId })
  return holder
}

function checkExpiry(query: Query, nowMs: number): void {
  const text = query.get('X-Amz-Expires')!
  const seconds = Number(text)
  if (!/^-?\d+$/.test(text)) throw malformedQuery('X-Amz-Expires should be a number')
  if (seconds < 0) throw malformedQuery('X-Amz-Expires must be non-negative')
  if (seconds > expiresMaxSeconds)
    throw malformedQuery(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    )
  const signedAt = parseDate(query.get('X-Amz-Date')!)!
  if (signedAt > nowMs + skewMaxMs) throw new S3Error('AccessDenied', {}, 'Request is not valid yet.')
  const expires = signedAt + seconds * 1000
  if (nowMs <= expires) return
  const details = { 'X-Amz-Expires': seconds, Expires: isoSeconds(expires), ServerTime: isoSeconds(nowMs) }
  throw new S3Error('AccessDenied', details, 'Request has expired.')
}

/** A presigned address carries headers as parameters too (`x-amz-checksum-sha256`, `x-amz-meta-*`). */
function withQueryHeaders({ query, headers }: Unproven): Headers {
  const merged = new Map(headers)
  for (const [name, value] of query.pairs) {
    const lower = name.toLowerCase()
    if (!lower.startsWith('x-amz-') || signingParameters.has(lower)) continue
    if (!isHeaderName(lower) || !isHeaderValue(value)) throw invalidArgument(name, value, 'Invalid header value.')
    merged.set(lower, toHeaderValue(value))
  }
  return merged
}
const signingParameters = new Set([
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signedheaders',
  'x-amz-signature',
])

function checkSignedHeaders(headers: Headers, signed: readonly string[]): void {
  const required = [...headers.keys()].filter((name) => name === 'host' || name.startsWith('x-amz-'))
  const unsigned = required.filter((name) => !signed.includes(name))
  if (unsigned.length === 0 && signed.includes('host')) return
  throw new S3Error(
    'AccessDenied',
    { HeadersNotSigned: unsigned.join(', ') },
    'There were headers present in the request which were not signed',
  )
}

function checkSignature(request: Parameters<typeof canonicalRequest>[0], claim: Claim, scope: SigningScope): void {
  const canonical = canonicalRequest(request)
  const text = stringToSign(scope, canonical)
  if (sameSignature(sign(scope, text), claim.signature)) return
  throw new S3Error('SignatureDoesNotMatch', {
    AWSAccessKeyId: claim.accessKeyId,
    StringToSign: text,
    SignatureProvided: claim.signature,
    CanonicalRequest: canonical,
  })
}

/** Milliseconds since the epoch of a `yyyyMMdd'T'HHmmss'Z'`, or null. */
function parseDate(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second] = match
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? null : time
}

function tooSkewed(requestTime: string, nowMs: number): S3Error {
  return new S3Error('RequestTimeTooSkewed', {
    RequestTime: requestTime,
    ServerTime: isoSeconds(nowMs),
    MaxAllowedSkewMilliseconds: skewMaxMs,
  })
}

const isoSeconds = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`
