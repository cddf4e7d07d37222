import { parseOrThrow, queryOf, routes } from '@baton/contracts'
import type { RouteSpec, StreamName } from '@baton/contracts'
import type { Following } from '@baton/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Handler } from './context.ts'
import { callerOf } from './plugins/authenticate.ts'
import { authorise } from './plugins/authorise.ts'
import { ifMatchOf } from './plugins/etag.ts'
import { sendStream } from './plugins/stream.ts'
import { handlers } from './routes/index.ts'
import type { Serving } from './serving.ts'

/** A row of the route table whose answer goes on: refused as any other, else followed until one side ends it. */
export function registerStream(
  server: FastifyInstance,
  { deps, door, signalOf, requests }: Serving,
  name: StreamName,
): void {
  const route: RouteSpec = routes[name]
  const handler = handlers[name] as Handler<StreamName>
  const querySchema = queryOf(route)
  server.route({
    method: 'GET',
    url: route.path,
    // It would have no end either.
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const caller = await door.admit(route, request, reply)
      requests.calledBy(request, caller.tokenId)
      await authorise(deps.store, route, caller, request.params)
      const input = {
        params: route.params ? parseOrThrow(route.params, request.params, 'not-found') : {},
        query: parseOrThrow(querySchema, withLastEventId(request), 'request-invalid'),
      }
      const call = { caller, requestId: null, ifMatch: ifMatchOf(route, undefined) }
      const open = (signal: AbortSignal): Promise<Following<unknown>> => handler(deps, input, { ...call, signal })
      const recheck = () => callerOf(deps.store, route, request.headers.authorization)
      const signal = signalOf(reply.raw)
      await sendStream(reply.raw, { instance: request.id, open, recheck, signal, log: request.log })
      return reply.hijack()
    },
  })
}

/** A browser that comes back says by a header where it was, and asks for the same address. */
function withLastEventId({ query, headers }: FastifyRequest): unknown {
  const last = headers['last-event-id']
  return last ? { ...(query as object), after: last } : query
}
