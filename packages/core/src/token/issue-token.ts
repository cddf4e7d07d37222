import { randomBytes } from 'node:crypto'
import type { IssuedToken, Role } from '@baton/contracts'
import { sha256 } from '../digest.ts'
import type { Caller, Tables } from '../store.ts'

/** A new token. It is returned once; only its SHA-256 is stored (256 random bits need no salt). */
export async function insertToken(
  tables: Tables,
  { role, sessionId, validSeconds }: { role: Role; sessionId?: string; validSeconds: number | null },
): Promise<IssuedToken> {
  const token = `baton_${role}_${randomBytes(32).toString('base64url')}`
  const { id, expiresAt } = await tables.tokens.insert({
    hash: sha256(token),
    role,
    validSeconds,
    ...(sessionId === undefined ? {} : { sessionId }),
  })
  return { id, role, token, expiresAt }
}

/** Who a token belongs to; null if it is unknown, expired, used up, or of a session that ended. */
export async function authenticate(tables: Tables, token: string): Promise<Caller | null> {
  return tables.tokens.find(sha256(token))
}

/** Makes a token of the operator's own choosing an owner's. Doing it again, or twice at once, changes nothing. */
export async function admitOwnerToken(tables: Tables, token: string): Promise<void> {
  await tables.tokens.admitOwner(sha256(token))
}
