import { AppError } from '@baton/contracts'
import type { Artifact, ArtifactKind } from '@baton/contracts'
import type { BlobStore } from '../ports.ts'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'

/**
 * Keeps an uploaded object in a project under a name: from then on nothing removes the object.
 * @throws {AppError} `not-found`, `already-exists`, `blob-missing`, `storage-unavailable`
 */
export async function createArtifact(
  { store, blobs }: { store: Store; blobs: BlobStore },
  input: { project: string; name: string; digest: string; kind: ArtifactKind; note: string },
): Promise<Artifact> {
  const { digest, name, kind, note } = input
  const project = await findProject({ store }, input.project)
  return store.transaction(async ({ artifacts, objects }) => {
    // As `nameBlobs` does, but for the size, which only storage knows.
    await objects.keep()
    const stat = await blobs.stat(digest)
    if (stat === null) throw new AppError('blob-missing', { digests: [digest] })
    return artifacts.insert({ projectId: project.id, name, kind, note, object: { digest, ...stat } })
  })
}
