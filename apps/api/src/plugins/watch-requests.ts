import type { RouteName } from '@baton/contracts'
import type { Log } from '@baton/log'
import type { RequestMeter } from '@baton/telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Follows requests to their answers. */
export interface RequestWatch {
  /** Notes whose token a request came with: the id, never the token. */
  calledBy(request: FastifyRequest, tokenId: string): void
  /** A route did what was asked. */
  done(name: RouteName, body: unknown): void
}

/**
 * Logs and measures every answer. What a person or their program changes is `info`; reading, and what sessions do many
 * times a minute, is `debug`. Failures on our side are logged with their cause where they are answered.
 */
export function watchRequests(server: FastifyInstance, log: Log, meter: RequestMeter | null): RequestWatch {
  const callers = new WeakMap<FastifyRequest, string>()
  server.addHook('onResponse', (request, reply, done) => {
    const { method, id: requestId } = request
    const route = request.routeOptions.url
    const [status, ms] = [reply.statusCode, Math.round(reply.elapsedTime)]
    meter?.answered({ method, route, status, seconds: reply.elapsedTime / 1000 })
    const level = isChange(method, route) ? 'info' : 'debug'
    log[level]({ requestId, method, route, status, ms, tokenId: callers.get(request) }, 'request answered')
    done()
  })
  return {
    calledBy: (request, tokenId) => void callers.set(request, tokenId),
    done: (name, body) => meter?.done(name, body),
  }
}

/** Leases, heartbeats, checkpoints and their like are many. */
function isChange(method: string, route: string | undefined): boolean {
  return method !== 'GET' && method !== 'HEAD' && route !== undefined && !/lease|folds\/|uploads|downloads/.test(route)
}
