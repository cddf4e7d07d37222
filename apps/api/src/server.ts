import { randomUUID } from 'node:crypto'
import { AppError, openApiDocument, parseOrThrow, routes } from '@baton/contracts'
import type { RouteName, RouteSpec } from '@baton/contracts'
import { fastify, LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Call, Deps, Handler } from './context.ts'
import { callerOf } from './plugins/authenticate.ts'
import { once } from './plugins/idempotency.ts'
import { sendProblem } from './plugins/problem.ts'
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
  })
  const deps: Deps = {
    store: options.database,
    queue: options.queue,
    blobs: options.blobs,
    times: options.times,
    botName: options.botName ?? null,
    closing: options.closing,
    random: Math.random,
    now: () => performance.now(),
  }
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply))
  server.setNotFoundHandler((request, reply) => sendProblem(new AppError('not-found'), request, reply))
  for (const name of Object.keys(routes) as RouteName[]) register(server, deps, name)
  server.get('/v1/openapi.json', () => openApiDocument({ version, url: options.publicUrl ?? '/' }))
  return server
}

function mountsOf({ s3, telegramWebhook }: ServerOptions): ReadonlyMap<string, Mount> {
  const mounts = new Map<string, Mount>()
  if (s3) mounts.set('/s3', (request, response) => void s3.handle(request, response))
  if (telegramWebhook) mounts.set('/telegram', telegramWebhook)
  return mounts
}

function register(server: FastifyInstance, deps: Deps, name: RouteName): void {
  const route: RouteSpec = routes[name]
  const handler = handlers[name] as Handler<RouteName>
  server.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const caller = await callerOf(deps.store, route, request.headers.authorization)
      const input = validated(name, route, request)
      const call: Call = { caller, signal: AbortSignal.any([deps.closing, hangUp(reply)]) }
      const run = async () => ({ status: route.status, body: await handler(deps, input, call) })
      const key = route.method === 'POST' ? request.headers['idempotency-key'] : undefined
      const answer =
        typeof key === 'string'
          ? await once(deps.store, { tokenId: caller.tokenId, key, url: request.url, body: request.body }, run)
          : await run()
      return reply.code(answer.status).send(route.response ? answer.body : undefined)
    },
  })
}

/** Params, query and body as the route's schemas want them, or every fault at once. */
function validated(name: RouteName, route: RouteSpec, request: FastifyRequest): Record<string, unknown> {
  const bodyProblem = name === 'createExperiment' ? 'spec-invalid' : 'request-invalid'
  return {
    ...(route.params ? { params: parseOrThrow(route.params, request.params, 'not-found') } : {}),
    ...(route.query ? { query: parseOrThrow(route.query, request.query, 'request-invalid') } : {}),
    ...(route.body ? { body: parseOrThrow(route.body, request.body ?? {}, bodyProblem) } : {}),
  }
}

/** Aborts when the caller hangs up before the answer. */
function hangUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}
