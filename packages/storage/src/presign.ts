import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import type { Bucket } from './bucket.ts'

/** The largest object that one PUT may carry, on any S3. */
const putMaxBytes = 5 * 1024 ** 3

const digestHeader = 'x-amz-checksum-sha256'

/** An address that reads the object, ranges included. It is made here: no request is sent. */
export async function presignGet({ client, name }: Bucket, digest: string, expiresSeconds: number): Promise<string> {
  return getSignedUrl(client, new GetObjectCommand({ Bucket: name, Key: digest }), { expiresIn: expiresSeconds })
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
