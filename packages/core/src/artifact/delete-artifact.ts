import { AppError } from '@baton/contracts'
import { removeUnnamed } from '../name-blobs.ts'
import type { BlobStore } from '../ports.ts'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'
import { noArtifact } from './get-artifact.ts'

/**
 * Removes an artifact, and its object from storage unless another artifact is the same object. The row goes first: a
 * crash in between leaves an object that nobody names, never a row that names nothing.
 *
 * @throws {AppError} `not-found`; `conflict` while something other than an artifact refers to the object
 */
export async function deleteArtifact(
  { store, blobs }: { store: Store; blobs: BlobStore },
  { project, name }: { project: string; name: string },
): Promise<void> {
  const { id: projectId } = await findProject({ store }, project)
  const orphan = await store.transaction(async ({ artifacts }) => {
    const artifact = await artifacts.find(projectId, name, { lock: true })
    if (artifact === null) throw noArtifact(project, name)
    const others = (await artifacts.referrers(artifact.digest)).filter((referrer) => referrer !== 'artifact')
    if (others.length > 0)
      throw new AppError(
        'conflict',
        { referrers: others },
        { detail: `its object is also that of a ${others.join(', a ')}, which needs it` },
      )
    await artifacts.remove(artifact.id)
    return (await artifacts.referrers(artifact.digest)).length === 0 ? artifact.digest : null
  })
  if (orphan !== null) await removeUnnamed({ store, blobs }, [orphan])
}
