import { isAppError } from '@baton/contracts'
import type { Blob, Download, Upload } from '@baton/contracts'
import type { BlobStore } from './ports.ts'

/** Addresses live long enough for a slow notebook to move a shard, and are asked for anew after that. */
const addressSeconds = 3600
/** As many small requests at once as the S3 client has connections: thousands are to end within a transaction. */
const parallel = 50

/** Addresses to upload objects to; none for those that are already there whole. */
export async function grantUploads(blobs: BlobStore, wanted: readonly Blob[]): Promise<Upload[]> {
  return mapParallel(wanted, async (blob) => {
    const stat = await blobs.stat(blob.digest)
    if (stat?.sizeBytes === blob.sizeBytes) return { digest: blob.digest, put: null }
    return { digest: blob.digest, put: await blobs.presignPut(blob, { expiresSeconds: addressSeconds }) }
  })
}

/** Addresses to download objects from. Whether the caller may read them is for the caller's caller to decide. */
export async function grantDownloads(blobs: BlobStore, digests: readonly string[]): Promise<Download[]> {
  return mapParallel(digests, (digest) => grantDownload(blobs, digest))
}

/** The address of one. */
export async function grantDownload(blobs: BlobStore, digest: string): Promise<Download> {
  return { digest, url: await blobs.presignGet(digest, { expiresSeconds: addressSeconds }) }
}

/** Digests of those objects that storage does not hold whole. */
export async function missingBlobs(blobs: BlobStore, wanted: readonly Blob[]): Promise<string[]> {
  const missing = await mapParallel(wanted, async ({ digest, sizeBytes }) => {
    const stat = await blobs.stat(digest)
    return stat?.sizeBytes === sizeBytes ? null : digest
  })
  return missing.filter((digest) => digest !== null)
}

/** Bytes can be damaged on the way; damaged twice, they are wrong in storage. */
export async function readTwice(blobs: BlobStore, digest: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return await blobs.read(digest, { maxBytes })
  } catch (error) {
    if (!isAppError(error, 'digest-mismatch')) throw error
    return blobs.read(digest, { maxBytes })
  }
}

async function mapParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array<R>(items.length)
  let next = 0
  const lane = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, lane))
  return results
}
