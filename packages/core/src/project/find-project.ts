import { AppError } from '@baton/contracts'
import type { Project } from '@baton/contracts'
import type { Store } from '../store.ts'

/** @throws {AppError} `not-found` */
export async function findProject({ store }: { store: Store }, slug: string): Promise<Project> {
  const project = await store.projects.find(slug)
  if (project === null) throw projectNotFound(slug)
  return project
}

export function projectNotFound(slug: string): AppError {
  return new AppError('not-found', { project: slug }, { detail: `there is no project "${slug}"` })
}
