import { AppError } from '@baton/contracts'
import type { Blob, Download, Upload } from '@baton/contracts'
import { grantDownloads, grantUploads } from '../blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'
import { heldFold } from './held-fold.ts'
import type { LeaseProof } from './held-fold.ts'

/**
 * Addresses to upload a fold's checkpoint and result objects to. Each takes only the bytes it is named for, so
 * even a stale session that kept one cannot change what others read.
 *
 * @throws {AppError} `lease-lost`, `storage-unavailable`
 */
export async function grantFoldUploads(
  { store, blobs }: { store: Store; blobs: BlobStore },
  input: LeaseProof & { blobs: readonly Blob[] },
): Promise<Upload[]> {
  await store.transaction((tables) => heldFold(tables, input))
  return grantUploads(blobs, input.blobs)
}

/**
 * Addresses of a fold's own code, data and newest checkpoint; of nothing else.
 *
 * @throws {AppError} `lease-lost`; `forbidden` naming the digests that are not the fold's
 */
export async function grantFoldDownloads(
  { store, blobs }: { store: Store; blobs: BlobStore },
  input: LeaseProof & { digests: readonly string[] },
): Promise<Download[]> {
  await store.transaction((tables) => heldFold(tables, input))
  const readable = await store.folds.readableBlobs(input.foldId)
  const foreign = input.digests.filter((digest) => !readable.has(digest))
  if (foreign.length > 0)
    throw new AppError('forbidden', { digests: foreign }, { detail: 'these objects do not belong to the leased fold' })
  return grantDownloads(blobs, input.digests)
}
