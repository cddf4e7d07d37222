import type { Project } from '@baton/contracts'
import type { IfMatch } from '../if-match.ts'
import type { Store } from '../store.ts'
import { projectNotFound } from './find-project.ts'

/**
 * Changes a project's name for people.
 * @throws {AppError} `not-found`, `precondition-failed`
 */
export async function updateProject(
  { store }: { store: Store },
  { slug, name, ifMatch }: { slug: string; name: string; ifMatch: IfMatch },
): Promise<Project> {
  return store.transaction(async ({ projects }) => {
    const before = await projects.lock(slug)
    if (before === null) throw projectNotFound(slug)
    ifMatch(before)
    return projects.rename(before.id, name)
  })
}
