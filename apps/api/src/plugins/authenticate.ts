import { AppError } from '@baton/contracts'
import type { RouteSpec } from '@baton/contracts'
import { authenticate } from '@baton/core'
import type { Caller, Tables } from '@baton/core'

/** Stands for nobody on routes that anybody may call. */
const anonymous: Caller = {
  tokenId: '',
  name: '',
  role: 'session',
  project: null,
  sessionId: null,
  isOutgoing: false,
  isUnseen: false,
}

/**
 * Who calls.
 * @throws {AppError} `unauthenticated`
 */
export async function callerOf(store: Tables, route: RouteSpec, authorization: string | undefined): Promise<Caller> {
  if (route.roles.length === 0) return anonymous
  const token = /^Bearer ([\w-]{1,200})$/.exec(authorization ?? '')?.[1]
  const caller = token === undefined ? null : await authenticate(store, token)
  if (caller === null) throw new AppError('unauthenticated')
  return caller
}
