import { AppError } from '@baton/contracts'
import type { Checkpoint, CheckpointDownload } from '@baton/contracts'
import { grantDownloads } from '../blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'

interface Wanted {
  readonly foldId: string
  readonly digest: string
}

/** @throws {AppError} `not-found` also when it was retired */
export async function findCheckpoint({ store }: { store: Store }, { foldId, digest }: Wanted): Promise<Checkpoint> {
  const checkpoint = await store.folds.checkpoint(foldId, digest)
  if (checkpoint === null)
    throw new AppError(
      'not-found',
      { foldId, digest },
      { detail: 'the fold has no such checkpoint; older ones are retired' },
    )
  return checkpoint
}

/**
 * Addresses of a checkpoint's files and of its manifest, which vouches for them.
 * @throws {AppError} `not-found`, `storage-unavailable`
 */
export async function grantCheckpointDownloads(
  { store, blobs }: { store: Store; blobs: BlobStore },
  wanted: Wanted,
): Promise<CheckpointDownload[]> {
  const { digest, manifest } = await findCheckpoint({ store }, wanted)
  const files = [{ name: 'manifest' as const, digest }, ...manifest.files]
  const downloads = await grantDownloads(
    blobs,
    files.map((file) => file.digest),
  )
  return downloads.map((download, i) => ({ ...download, name: files[i]!.name }))
}
