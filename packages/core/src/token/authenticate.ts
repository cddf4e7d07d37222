import { AppError, isPersonal } from '@baton/contracts'
import { sha256 } from '../digest.ts'
import type { Caller, Tables } from '../store.ts'

/**
 * Who a token belongs to; null if it is unknown, expired, revoked, used up, or of a session that ended.
 *
 * It is looked up by its hash, so the time that takes tells nothing about it. When it was last used is written once a
 * minute, not with every request.
 */
export async function authenticate(tables: Tables, token: string): Promise<Caller | null> {
  const caller = await tables.tokens.find(sha256(token))
  if (caller?.isUnseen && isPersonal(caller.role)) await tables.tokens.touch(caller.tokenId)
  return caller
}

/**
 * Makes a token of the operator's own choosing an owner's of all projects. Doing it again, or twice at once, changes
 * nothing.
 *
 * @throws {AppError} `config-invalid` if it was revoked: a secret that leaked must not come back with a restart
 */
export async function admitOwnerToken(tables: Tables, token: string): Promise<void> {
  if (await tables.tokens.admitOwner(sha256(token))) return
  const fault = { pointer: 'BATON_OWNER_TOKEN', detail: 'was revoked; choose another token' }
  throw new AppError('config-invalid', {}, { faults: [fault] })
}
