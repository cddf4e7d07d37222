import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { AppError, openApiDocument, parseOrThrow, routes } from '@baton/contracts'
import type { RouteName, RouteSpec } from '@baton/contracts'
import type { Log } from '@baton/log'
import { fastify, LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Deps, Handler } from './context.ts'
import { auditOf } from './plugins/audit.ts'
import { callerOf } from './plugins/authenticate.ts'
import { authorise } from './plugins/authorise.ts'
import { sendCsv, wantsCsv } from './plugins/csv.ts'
import { dispatchSoon } from './plugins/dispatch-soon.ts'
import { watchHangUps } from './plugins/hang-ups.ts'
import { once } from './plugins/idempotency.ts'
import { sendProblem } from './plugins/problem.ts'
import { storable } from './plugins/storable.ts'
import { handlers } from './routes/index.ts'
import { sameOrigin } from './same-origin.ts'
import type { Mount } from './same-origin.ts'
import type { ApiOptions } from './options.ts'
import { version } from './version.ts'

/** A heartbeat with all its metrics and lines is well below this; large bytes go to storage. */
const maxBodyBytes = 4 * 2 ** 20

type ServerOptions = ApiOptions & { readonly closing: AbortSignal }

/** The HTTP server: every row of `routes` with its handler, OpenAPI made from the same rows, the embedded S3 beside. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const logger: FastifyBaseLogger = options.log
  const server: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    genReqId: () => randomUUID(),
    serverFactory: sameOrigin(mountsOf(options)),
    // A path that cannot be decoded, or is too long: no route is asked.
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply as unknown as FastifyReply),
  })
  const deps: Deps = {
    store: options.database,
    queue: options.queue,
    blobs: options.blobs,
    times: options.times,
    botName: options.botName ?? null,
    dispatch: dispatchSoon({ store: options.database, queue: options.queue }, options.log),
    random: Math.random,
    now: () => performance.now(),
  }
  const signalOf = watchHangUps(options.closing)
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply))
  server.setNotFoundHandler((request, reply) => sendProblem(new AppError('not-found'), request, reply))
  for (const name of Object.keys(routes) as RouteName[]) register(server, deps, { signalOf, log: options.log }, name)
  server.get('/v1/openapi.json', () => openApiDocument({ version, url: options.publicUrl ?? '/' }))
  return server
}

function mountsOf({ s3, telegramWebhook }: ServerOptions): ReadonlyMap<string, Mount> {
  const mounts = new Map<string, Mount>()
  if (s3) mounts.set('/s3', (request, response) => void s3.handle(request, response))
  if (telegramWebhook) mounts.set('/telegram', telegramWebhook)
  return mounts
}

function register(
  server: FastifyInstance,
  deps: Deps,
  { signalOf, log }: { signalOf: (response: ServerResponse) => AbortSignal; log: Log },
  name: RouteName,
): void {
  const route: RouteSpec = routes[name]
  const handler = handlers[name] as Handler<RouteName>
  server.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const signal = signalOf(reply.raw)
      const caller = await callerOf(deps.store, route, request.headers.authorization)
      const audit = auditOf(deps.store, log, { name, route, caller, url: request.url, requestId: request.id })
      try {
        audit.about(await authorise(deps.store, route, caller, request.params))
        const input = validated(name, route, request)
        const { query } = input as { query?: Parameters<typeof wantsCsv>[1] }
        if (query && wantsCsv(route, query, request))
          return await sendCsv(reply, route, query, (page) => {
            const paged = { ...input, query: { ...query, ...page } }
            const answer: unknown = handler(deps, paged, { caller, signal, requestId: null })
            return answer as ReturnType<Parameters<typeof sendCsv>[3]>
          })
        const run = async (requestId: string | null) => {
          const body = await handler({ ...deps, store: audit.store }, input, { caller, signal, requestId })
          await audit.done()
          return { status: route.status, body }
        }
        const key = request.headers['idempotency-key']
        const answer =
          route.method === 'POST' && typeof key === 'string' && !route.isSecret
            ? await once(deps.store, { tokenId: caller.tokenId, key, url: request.url, body: request.body }, run)
            : await run(null)
        if (route.location) reply.header('location', locationOf(route.location, answer.body))
        return await reply.code(answer.status).send(route.response ? answer.body : undefined)
      } catch (error) {
        await audit.refused(error)
        throw error
      }
    },
  })
}

/** The path of what was made: its names are fields of the answer. */
function locationOf(path: string, answer: unknown): string {
  const fields = answer as Readonly<Record<string, string | number>>
  return path.replace(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(fields[name]!))
}

/** Params, query and body as the route's schemas want them, or every fault at once. */
function validated(name: RouteName, route: RouteSpec, request: FastifyRequest): Record<string, unknown> {
  const bodyProblem = name === 'createExperiment' ? 'spec-invalid' : 'request-invalid'
  return {
    ...(route.params ? { params: parseOrThrow(route.params, request.params, 'not-found') } : {}),
    ...(route.query ? { query: parseOrThrow(route.query, request.query, 'request-invalid') } : {}),
    ...(route.body ? { body: parseOrThrow(route.body, storable(request.body ?? {}), bodyProblem) } : {}),
  }
}
