import { AppError } from '@baton/contracts'
import type { RotatedToken } from '@baton/contracts'
import { sha256 } from '../digest.ts'
import type { Caller, Store } from '../store.ts'
import { assertMayIssue } from './create-token.ts'
import { newSecret } from './issue-token.ts'

/**
 * Gives a token a new secret; the old one is good for `overlapSeconds` more. Of two that rotate at once one is told, so
 * that nobody walks away with a secret that is dead already.
 *
 * @throws {AppError} `not-found`; `conflict` for a token that has ended, comes from the configuration, or was rotated in
 *   the meantime; `forbidden` for a secret that was rotated away itself
 */
export async function rotateToken(
  { store }: { store: Store },
  { caller, tokenId, overlapSeconds }: { caller: Caller; tokenId: string; overlapSeconds: number },
): Promise<RotatedToken> {
  assertMayIssue(caller)
  const record = await store.tokens.get(tokenId)
  if (record === null) throw new AppError('not-found', { token: tokenId })
  const { id, name, role, project, expiresAt } = record.token
  if (!record.isGood) throw new AppError('conflict', {}, { detail: 'the token has ended: create another' })
  if (record.isConfigured)
    throw new AppError('conflict', {}, { detail: 'the token comes from the configuration: change BATON_OWNER_TOKEN' })
  const token = newSecret(role)
  return store.transaction(async (tables) => {
    const rotated = await tables.tokens.rotate(tokenId, { from: record.hash, to: sha256(token), overlapSeconds })
    if (rotated === null) throw new AppError('conflict', {}, { detail: 'the token was rotated or revoked just now' })
    return { id, name, role, project, token, expiresAt, ...rotated }
  })
}
