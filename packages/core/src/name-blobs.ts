import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { missingBlobs } from './blobs.ts'
import type { BlobStore } from './ports.ts'
import type { Store, Tables } from './store.ts'

interface Deps {
  readonly store: Store
  readonly blobs: BlobStore
}

/**
 * Writes rows that name uploaded objects. Storage has them, and has them still when the rows are there: equal trainings
 * make equal objects, so one may be uploaded, or found in storage, just when the last row that named it has gone.
 *
 * Storage is asked inside the transaction, which is otherwise kept from the network: removal waits for the rows this way,
 * and rows for a removal that is under way.
 *
 * @throws {AppError} `blob-missing`, `storage-unavailable`
 */
export function nameBlobs<T>(
  { store, blobs }: Deps,
  wanted: readonly Blob[],
  write: (tables: Tables) => Promise<T>,
): Promise<T> {
  return store.transaction(async (tables) => {
    await tables.objects.keep()
    const missing = await missingBlobs(blobs, wanted)
    if (missing.length > 0) throw new AppError('blob-missing', { digests: missing })
    return write(tables)
  })
}

/**
 * Removes those objects from storage that no row names. Their rows have gone in a transaction before: a crash in between
 * leaves objects that nobody names, never a row that names nothing.
 *
 * @throws {AppError} `storage-unavailable`
 */
export async function removeUnnamed({ store, blobs }: Deps, digests: readonly string[]): Promise<void> {
  if (digests.length === 0) return
  await store.transaction(async ({ objects }) => blobs.remove(await objects.unnamed(digests)))
}
