import type { CodeBundle } from '@baton/contracts'
import { nameBlobs } from '../name-blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'
import { findProject } from './find-project.ts'

/** Code is small; data belongs into a dataset. */
export const maxBundleBytes = 32 * 2 ** 20

/**
 * Registers an uploaded code bundle, once `checkBundle` has found nothing unsafe in it.
 *
 * @param checkBundle Lists the bundle's files; throws `bundle-invalid` for one that must not be unpacked.
 * @throws {AppError} `not-found`, `bundle-invalid`, `blob-missing`, `digest-mismatch`, `payload-too-large`
 */
export async function createCodeBundle(
  {
    store,
    blobs,
    checkBundle,
  }: { store: Store; blobs: BlobStore; checkBundle: (bytes: Uint8Array) => Promise<string[]> },
  input: { project: string; digest: string },
): Promise<CodeBundle> {
  const project = await findProject({ store }, input.project)
  const bytes = await blobs.read(input.digest, { maxBytes: maxBundleBytes })
  const files = await checkBundle(bytes)
  const bundle = { projectId: project.id, digest: input.digest, sizeBytes: bytes.byteLength, files }
  return nameBlobs({ store, blobs }, [bundle], ({ bundles }) => bundles.upsert(bundle))
}
