import { AppError } from '@baton/contracts'
import type { Artifact } from '@baton/contracts'
import { findProject } from '../project/find-project.ts'
import type { Store } from '../store.ts'

/** @throws {AppError} `not-found` */
export async function getArtifact(
  { store }: { store: Store },
  { project, name }: { project: string; name: string },
): Promise<Artifact> {
  const { id } = await findProject({ store }, project)
  const artifact = await store.artifacts.find(id, name)
  if (artifact === null) throw noArtifact(project, name)
  return artifact
}

export function noArtifact(project: string, name: string): AppError {
  return new AppError('not-found', { project, name }, { detail: `project "${project}" keeps no artifact "${name}"` })
}
