import { AppError, isAppError } from '@baton/contracts'
import type { RouteSpec } from '@baton/contracts'
import type { Caller, Tables } from '@baton/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { callerOf, callerWith } from './authenticate.ts'
import { rateLimiter } from './rate-limit.ts'
import type { RateLimits, Standing } from './rate-limit.ts'

export interface Doorkeeper {
  /**
   * Who calls, once it is clear that they did not call too often. What comes without a valid token counts for its
   * address: nobody uses up what others may by calling in vain.
   *
   * @throws {AppError} `unauthenticated`, `rate-limited`
   */
  readonly admit: (route: RouteSpec, request: FastifyRequest, reply: FastifyReply) => Promise<Caller>
  /**
   * The same for a token that did not come in the usual header; undefined: none came.
   *
   * @throws {AppError} `unauthenticated`, `rate-limited`
   */
  readonly admitToken: (token: string | undefined, request: FastifyRequest, reply: FastifyReply) => Promise<Caller>
  /** Counts a request that needs no token. @throws {AppError} `rate-limited` */
  readonly letPass: (request: FastifyRequest, reply: FastifyReply) => void
}

interface Options {
  readonly store: Tables
  /** Null: none. */
  readonly limits: RateLimits | null
  readonly now: () => number
}

export function doorkeeper({ store, limits, now }: Options): Doorkeeper {
  if (limits === null)
    return {
      admit: (route, { headers }) => callerOf(store, route, headers.authorization),
      admitToken: (token) => callerWith(store, token),
      letPass: () => undefined,
    }
  const countToken = rateLimiter('token', limits.tokenPerMinute, now)
  const countAddress = rateLimiter('address', limits.addressPerMinute, now)
  const letPass = (request: FastifyRequest, reply: FastifyReply) => check(countAddress(request.ip), reply)
  const authenticated = async (caller: Promise<Caller>, request: FastifyRequest, reply: FastifyReply) => {
    try {
      return await caller
    } catch (error) {
      if (isAppError(error, 'unauthenticated')) letPass(request, reply)
      throw error
    }
  }
  return {
    letPass,
    admit: async (route, request, reply) => {
      const caller = await authenticated(callerOf(store, route, request.headers.authorization), request, reply)
      if (route.roles.length === 0) letPass(request, reply)
      else check(countToken(caller.tokenId), reply)
      return caller
    },
    admitToken: async (token, request, reply) => {
      const caller = await authenticated(callerWith(store, token), request, reply)
      check(countToken(caller.tokenId), reply)
      return caller
    },
  }
}

function check({ headers, retryAfterSeconds }: Standing, reply: FastifyReply): void {
  reply.headers(headers)
  if (retryAfterSeconds !== null) throw new AppError('rate-limited', { retryAfterSeconds })
}
