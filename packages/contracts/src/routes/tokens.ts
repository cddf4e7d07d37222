import { z } from 'zod'
import { IssuedToken, NewToken, RotatedToken, Token } from '../token.ts'
import { owners, pageOf, pageQuery, token } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Tokens of people and their programs. A session's token is no resource: it lives and ends with its session. */
export const tokensRoutes = {
  createToken: {
    method: 'POST',
    path: '/v1/tokens',
    summary: 'Issue a token, for the same project at most and no longer than the one that asks',
    roles: owners,
    scope: 'visible',
    body: NewToken,
    status: 201,
    response: IssuedToken,
    isSecret: true,
    problems: ['not-found'],
  },
  listTokens: {
    method: 'GET',
    path: '/v1/tokens',
    summary: 'List tokens, newest first',
    roles: owners,
    scope: 'visible',
    query: z.object({
      ...pageQuery,
      /** `true`: also those that expired, were revoked or used up. */
      ended: z.stringbool({ truthy: ['true'], falsy: ['false'] }).default(false),
    }),
    status: 200,
    response: pageOf(Token),
    problems: [],
  },
  getToken: {
    method: 'GET',
    path: '/v1/tokens/:token',
    summary: 'Get a token, without its secret',
    roles: owners,
    scope: 'token',
    params: token,
    status: 200,
    response: Token,
    problems: [],
  },
  revokeToken: {
    method: 'DELETE',
    path: '/v1/tokens/:token',
    summary: 'Revoke a token: from now on no request with it is accepted',
    roles: owners,
    scope: 'token',
    params: token,
    status: 204,
    problems: ['conflict'],
  },
  rotateToken: {
    method: 'POST',
    path: '/v1/tokens/:token/rotate',
    summary: 'Replace the secret of a token; the old one may stay good for a while',
    roles: owners,
    scope: 'token',
    params: token,
    body: z.strictObject({
      overlapSeconds: z
        .int()
        .min(0)
        .max(7 * 86_400)
        .default(0),
    }),
    status: 200,
    response: RotatedToken,
    isSecret: true,
    problems: ['conflict'],
  },
} as const satisfies Record<string, RouteSpec>
