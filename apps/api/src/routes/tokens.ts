import { AppError } from '@baton/contracts'
import { createToken, revokeToken, rotateToken } from '@baton/core'
import type { Handlers } from '../context.ts'

export const tokenHandlers: Handlers<
  'createToken' | 'listTokens' | 'getToken' | 'revokeToken' | 'rotateToken' | 'listAudit'
> = {
  createToken: (deps, { body }, { caller }) => createToken(deps, { ...body, issuer: caller }),
  listTokens: ({ store }, { query }, { caller }) => store.tokens.list(caller.project?.slug ?? null, query),
  getToken: async ({ store }, { params }) => {
    const record = await store.tokens.get(params.token)
    if (record === null) throw new AppError('not-found', { token: params.token })
    return record.token
  },
  revokeToken: (deps, { params }) => revokeToken(deps, { tokenId: params.token }),
  rotateToken: (deps, { params, body }, { caller }) =>
    rotateToken(deps, { caller, tokenId: params.token, overlapSeconds: body.overlapSeconds }),
  listAudit: async ({ store }, { query: { cursor, limit, ...filter } }, { caller }) => {
    const own = caller.project?.slug
    // Another project is as empty to this caller as one that is not there.
    if (own !== undefined && filter.project !== undefined && filter.project !== own)
      return { items: [], nextCursor: null }
    return store.audit.list({ ...filter, project: own ?? filter.project }, { cursor, limit })
  },
}
