import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { AppError } from '@baton/contracts'
import { callStore, isMissing } from './errors.ts'
import type { Bucket } from './bucket.ts'

/** Size of an object, or null where there is none. */
export async function statBlob({ client, name }: Bucket, digest: string): Promise<{ sizeBytes: number } | null> {
  return callStore('stat', digest, async () => {
    try {
      const head = await client.send(new HeadObjectCommand({ Bucket: name, Key: digest }))
      return { sizeBytes: head.ContentLength ?? 0 }
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  })
}

/** An object's bytes: never more than `maxBytes` in memory, and never others than the digest's. */
export async function readBlob(
  { client, name }: Bucket,
  digest: string,
  { maxBytes }: { maxBytes: number },
): Promise<Uint8Array> {
  return callStore('read', digest, async () => {
    const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket: name, Key: digest }))
    const body = Body as Readable
    try {
      if ((ContentLength ?? 0) > maxBytes) throw tooLarge(digest, maxBytes)
      return await collect(body, digest, maxBytes)
    } finally {
      body.destroy()
    }
  })
}

/** Streams an object into a new file; never other bytes than the digest's pass for it. */
export async function readBlobToFile({ client, name }: Bucket, digest: string, path: string): Promise<void> {
  await callStore('read', digest, async () => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: digest }))
    const hash = createHash('sha256')
    const hashed = async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        hash.update(chunk)
        yield chunk
      }
    }
    await pipeline(Body as Readable, hashed, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
    if (hash.digest('hex') !== digest) throw new AppError('digest-mismatch', { digest })
  })
}

async function collect(body: Readable, digest: string, maxBytes: number): Promise<Uint8Array> {
  const hash = createHash('sha256')
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) throw tooLarge(digest, maxBytes)
    hash.update(chunk)
    chunks.push(chunk)
  }
  if (hash.digest('hex') !== digest) throw new AppError('digest-mismatch', { digest })
  return Buffer.concat(chunks, sizeBytes)
}

function tooLarge(digest: string, maxBytes: number): AppError {
  return new AppError('payload-too-large', { digest, maxBytes })
}
