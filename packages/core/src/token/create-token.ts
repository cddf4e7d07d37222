import { AppError } from '@baton/contracts'
import type { IssuedToken, Role } from '@baton/contracts'
import { findProject } from '../project/find-project.ts'
import type { Caller, Store } from '../store.ts'
import { insertToken } from './issue-token.ts'

interface CreateToken {
  readonly name: string
  readonly role: Exclude<Role, 'session'>
  /** Slug; left out: the issuer's own project. */
  readonly project?: string | null | undefined
  readonly validSeconds: number | null
}

/**
 * Issues a token that is never above the one that asks: of its project at most, and no longer valid. Who may ask, owners,
 * is for the route to say.
 *
 * @throws {AppError} `forbidden` for more than the issuer has; `not-found` for a project that is not there
 */
export async function createToken(
  { store }: { store: Store },
  { issuer, ...input }: CreateToken & { issuer: Caller },
): Promise<IssuedToken> {
  assertMayIssue(issuer)
  const project = await projectOf(store, issuer, input.project)
  return store.transaction((tables) => insertToken(tables, { ...input, project, issuerId: issuer.tokenId }))
}

/**
 * A secret that has been replaced may finish what runs with it, but leaves nothing behind that outlives it.
 * @throws {AppError} `forbidden`
 */
export function assertMayIssue(issuer: Caller): void {
  if (issuer.isOutgoing)
    throw new AppError('forbidden', {}, { detail: 'this secret was rotated away; issue tokens with the new one' })
}

async function projectOf(store: Store, issuer: Caller, slug: string | null | undefined): Promise<Caller['project']> {
  if (slug === undefined || slug === issuer.project?.slug) return issuer.project
  if (issuer.project !== null)
    throw new AppError(
      'forbidden',
      { project: issuer.project.slug },
      { detail: `a token of project "${issuer.project.slug}" makes tokens for that project only` },
    )
  return slug === null ? null : findProject({ store }, slug)
}
