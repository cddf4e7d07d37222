import { createHash, createHmac } from 'node:crypto'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import type { Bucket } from './bucket.ts'

/** The largest object that one PUT may carry, on any S3. */
const putMaxBytes = 5 * 1024 ** 3

const digestHeader = 'x-amz-checksum-sha256'

/** Where addresses of a bucket's objects begin, found once for each: the SDK knows every store's ways. */
const places = new WeakMap<Bucket, Promise<Place>>()

interface Place {
  readonly origin: string
  readonly host: string
  /** Up to the key. */
  readonly path: string
}

async function findPlace({ client, name }: Bucket): Promise<Place> {
  const url = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: name, Key: 'key' })))
  return { origin: url.origin, host: url.host, path: url.pathname.slice(0, -'key'.length) }
}

/**
 * An address that reads the object, ranges included. It is made here: no request is sent.
 *
 * Signed by hand, to the bytes that the SDK would make: a dataset has thousands of objects, and that takes the SDK most
 * of a millisecond each.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export async function presignGet(bucket: Bucket, digest: string, expiresSeconds: number): Promise<string> {
  const { config } = bucket.client
  const place = places.get(bucket) ?? findPlace(bucket)
  places.set(bucket, place)
  const [{ origin, host, path }, region, credentials] = await Promise.all([
    place,
    config.region(),
    config.credentials(),
  ])
  const { accessKeyId, secretAccessKey } = credentials
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '')
  const scope = [date.slice(0, 8), region, 's3', 'aws4_request']
  const query = [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD'],
    ['X-Amz-Credential', [accessKeyId, ...scope].join('/')],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', String(expiresSeconds)],
    ['X-Amz-SignedHeaders', 'host'],
    ['x-id', 'GetObject'],
  ]
    .map((pair) => pair.map((text) => encodeURIComponent(text)).join('='))
    .join('&')
  const canonical = ['GET', `${path}${digest}`, query, `host:${host}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n')
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  )
  const key = scope.reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`))
  return `${origin}${path}${digest}?${query}&X-Amz-Signature=${hmac(key, text).toString('hex')}`
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/**
 * An address that takes exactly this object.
 *
 * The digest is a signed header and not a part of the address: some stores do not look for checksums there. The length
 * is signed too, so a longer body is refused before it is read.
 *
 * @throws {AppError} `payload-too-large` above 5 GiB
 */
export async function presignPut(
  { client, name }: Bucket,
  blob: Blob,
  expiresSeconds: number,
): Promise<{ url: string; headers: Record<string, string> }> {
  if (blob.sizeBytes > putMaxBytes) throw new AppError('payload-too-large', { digest: blob.digest })
  const checksum = sha256Base64(blob.digest)
  const put = new PutObjectCommand({
    Bucket: name,
    Key: blob.digest,
    ContentLength: blob.sizeBytes,
    ChecksumSHA256: checksum,
  })
  const unhoistableHeaders = new Set([digestHeader])
  const url = await getSignedUrl(client, put, { expiresIn: expiresSeconds, unhoistableHeaders })
  return { url, headers: { [digestHeader]: checksum } }
}

/** A hex digest as S3 writes checksums. */
export function sha256Base64(digest: string): string {
  return Buffer.from(digest, 'hex').toString('base64')
}
