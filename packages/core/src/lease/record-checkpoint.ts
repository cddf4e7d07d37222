import { AppError } from '@baton/contracts'
import type { CheckpointManifest } from '@baton/contracts'
import { canonicalJson } from '../digest.ts'
import { nameBlobs } from '../name-blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'
import { heldFold } from './held-fold.ts'
import type { LeaseProof } from './held-fold.ts'

/**
 * Makes an uploaded checkpoint the one the next session resumes from.
 *
 * Its objects are in storage before the row is written, so a row never points at nothing; the manifest is one of them,
 * under its own digest, which vouches for all of it, and is not stored where the files are lacking. The fence is checked
 * under the fold's lock: a session that froze past its lease and woke up again cannot overwrite its successor. An older
 * checkpoint that arrives late changes nothing.
 *
 * @throws {AppError} `lease-lost`, `blob-missing`, `checkpoint-corrupt`, `storage-unavailable`
 */
export async function recordCheckpoint(
  { store, blobs }: { store: Store; blobs: BlobStore },
  input: LeaseProof & { manifest: CheckpointManifest },
): Promise<{ digest: string; step: number; committedAt: string }> {
  await assertBelongs(store, input)
  const { digest, committedAt } = await nameBlobs({ store, blobs }, input.manifest.files, async (tables) => {
    // Kept as the files are, and stored only once they are seen to be there. Nobody waits for the fold meanwhile.
    const manifest = await blobs.write(new TextEncoder().encode(canonicalJson(input.manifest)))
    const sizeBytes = input.manifest.files.reduce((sum, file) => sum + file.sizeBytes, manifest.sizeBytes)
    const fold = await heldFold(tables, input)
    const row = { digest: manifest.digest, sizeBytes, manifest: input.manifest }
    return { digest: manifest.digest, ...(await tables.folds.appendCheckpoint(fold, row)) }
  })
  return { digest, step: input.manifest.position.step, committedAt }
}

/** Refuses early, before storage is touched; the fence is checked again where it counts. */
async function assertBelongs(store: Store, input: LeaseProof & { manifest: CheckpointManifest }): Promise<void> {
  const fold = await store.transaction((tables) => heldFold(tables, input))
  const { specDigest } = await store.folds.leaseContext(fold.id)
  const { manifest } = input
  const refuse = (detail: string) => new AppError('checkpoint-corrupt', { foldId: fold.id }, { detail })
  if (manifest.fold !== fold.index || manifest.specDigest !== specDigest)
    throw refuse('the checkpoint is of another fold or spec')
  const names = manifest.files.map((file) => file.name)
  if (!names.includes('weights') || new Set(names).size < names.length)
    throw refuse('the checkpoint has no weights, or two files of one name')
}
