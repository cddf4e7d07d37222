import { randomBytes } from 'node:crypto'
import type { IssuedToken, Role } from '@baton/contracts'
import { sha256 } from '../digest.ts'
import type { Caller, Tables } from '../store.ts'

/** A secret whose beginning tells its role. 256 random bits need no salt, so its SHA-256 is what is stored. */
export function newSecret(role: Role): string {
  return `baton_${role}_${randomBytes(32).toString('base64url')}`
}

export interface TokenToInsert {
  readonly name: string
  readonly role: Role
  readonly project: Caller['project']
  readonly sessionId?: string
  /** Null: for ever, or as long as its issuer. */
  readonly validSeconds: number | null
  /** The token that asked for it: it does not live longer than this one. */
  readonly issuerId?: string
}

/** A new token. Its secret is returned once and not stored. */
export async function insertToken(tables: Tables, input: TokenToInsert): Promise<IssuedToken> {
  const { name, role, project, ...rest } = input
  const token = newSecret(role)
  const { id, expiresAt } = await tables.tokens.insert({
    name,
    role,
    hash: sha256(token),
    projectId: project?.id ?? null,
    ...rest,
  })
  return { id, name, role, project: project?.slug ?? null, token, expiresAt }
}
