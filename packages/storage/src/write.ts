import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { callStore } from './errors.ts'
import { sha256Base64 } from './presign.ts'
import { statBlob } from './read.ts'
import type { Bucket } from './bucket.ts'

/** Above this a file goes in parts of this size, so that a failure costs a part and not all. */
const partBytes = 16 * 1024 * 1024
const partsMax = 10_000
/** Parts in flight: as many part sizes are in memory. */
const parallelParts = 4

/** Stores bytes under their digest; the store compares them with it. */
export async function writeBlob({ client, name }: Bucket, blob: Blob, body: Uint8Array): Promise<void> {
  await callStore('write', blob.digest, () =>
    client.send(
      new PutObjectCommand({
        Bucket: name,
        Key: blob.digest,
        Body: body,
        ContentLength: blob.sizeBytes,
        ChecksumSHA256: sha256Base64(blob.digest),
      }),
    ),
  )
}

/** Stores a file under its digest; one that is there already is not sent again. */
export async function writeBlobFile(bucket: Bucket, path: string): Promise<Blob> {
  const blob = await describeFile(path)
  const stored = await statBlob(bucket, blob.digest)
  if (stored?.sizeBytes !== blob.sizeBytes) await uploadFile(bucket, blob, path)
  return blob
}

async function describeFile(path: string): Promise<Blob> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { digest: hash.digest('hex'), sizeBytes }
}

/** A store checks a multipart object part by part only; the whole is compared with its digest before it is completed. */
async function uploadFile({ client, name }: Bucket, blob: Blob, path: string): Promise<void> {
  const body = expectDigest(blob)
  const upload = new Upload({
    client,
    params: { Bucket: name, Key: blob.digest, Body: body, ChecksumAlgorithm: 'CRC32' },
    partSize: Math.max(partBytes, Math.ceil(blob.sizeBytes / partsMax)),
    queueSize: parallelParts,
  })
  await callStore('write', blob.digest, async () => {
    const reading = pipeline(createReadStream(path), body)
    // A failed upload reads no further; without this its file would wait to be read for ever.
    const sending = upload.done().catch((error: unknown) => {
      body.destroy(error as Error)
      throw error
    })
    const failed = (await Promise.allSettled([reading, sending])).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  })
}

/** Passes bytes through and fails at their end unless they were the blob's. */
function expectDigest({ digest, sizeBytes }: Blob): Transform {
  const hash = createHash('sha256')
  let seenBytes = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk)
      seenBytes += chunk.length
      done(null, chunk)
    },
    flush(done) {
      const same = seenBytes === sizeBytes && hash.digest('hex') === digest
      done(same ? null : new AppError('digest-mismatch', { digest }))
    },
  })
}
