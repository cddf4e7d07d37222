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
  return route.roles.length === 0 ? anonymous : callerWith(store, bearerOf(authorization))
}

/** The token of an Authorization header; undefined where there is none. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer ([\w-]{1,200})$/.exec(authorization ?? '')?.[1]
}

/**
 * Whose a token is.
 * @throws {AppError} `unauthenticated`
 */
export async function callerWith(store: Tables, token: string | undefined): Promise<Caller> {
  const caller = token === undefined ? null : await authenticate(store, token)
  if (caller === null) throw new AppError('unauthenticated')
  return caller
}
