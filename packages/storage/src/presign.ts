import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl, S3RequestPresigner } from '@aws-sdk/s3-request-presigner'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import type { Bucket } from './bucket.ts'

/** The largest object that one PUT may carry, on any S3. */
const putMaxBytes = 5 * 1024 ** 3

const digestHeader = 'x-amz-checksum-sha256'

/** What signs addresses to read from, and where a bucket's objects are: found once for each bucket. */
interface Reading {
  readonly presigner: S3RequestPresigner
  /** Its path ends where a key begins. */
  readonly place: URL
}

const readings = new WeakMap<Bucket, Promise<Reading>>()

/** The SDK knows every store's ways: it is asked for the address of some object. */
async function openReading({ client, name }: Bucket): Promise<Reading> {
  const place = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: name, Key: 'key' })))
  place.pathname = place.pathname.slice(0, -'key'.length)
  return { presigner: new S3RequestPresigner(client.config), place }
}

/**
 * An address that reads the object, ranges included. It is made here: no request is sent.
 *
 * Only signed by the SDK, to the bytes that all of it would make: a dataset has thousands of objects, and the way of a
 * command through a client takes ten times as long as the signature.
 */
export async function presignGet(bucket: Bucket, digest: string, expiresSeconds: number): Promise<string> {
  const reading = readings.get(bucket) ?? openReading(bucket)
  readings.set(bucket, reading)
  const { presigner, place } = await reading
  const { protocol, hostname, port, host, pathname } = place
  const path = `${pathname}${digest}`
  const { query } = await presigner.presign(
    {
      method: 'GET',
      protocol,
      hostname,
      ...(port && { port: Number(port) }),
      path,
      headers: { host },
      query: { 'x-id': 'GetObject' },
    },
    { expiresIn: expiresSeconds },
  )
  return `${place.origin}${path}?${new URLSearchParams(query as Record<string, string>).toString()}`
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
