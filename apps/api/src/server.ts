import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AppError, openApiDocument, routes } from '@baton/contracts'
import type { RouteName, RouteSpec, StreamName } from '@baton/contracts'
import { openFeeds } from '@baton/core'
import { fastify, LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify'
import type { Deps, Handler } from './context.ts'
import { doorkeeper } from './plugins/admit.ts'
import { sendAnswer } from './plugins/answer.ts'
import { auditOf } from './plugins/audit.ts'
import { authorise } from './plugins/authorise.ts'
import { sendCsv, wantsCsv } from './plugins/csv.ts'
import { answerClientError } from './plugins/client-error.ts'
import { dispatchSoon } from './plugins/dispatch-soon.ts'
import { ifMatchOf } from './plugins/etag.ts'
import { watchHangUps } from './plugins/hang-ups.ts'
import { once } from './plugins/idempotency.ts'
import { sendProblem } from './plugins/problem.ts'
import { requestReader } from './plugins/read-request.ts'
import { endSlowBodies } from './plugins/slow-bodies.ts'
import { traceRequests } from './plugins/trace-requests.ts'
import { watchRequests } from './plugins/watch-requests.ts'
import { registerQueueBoard } from './queue-board/register-queue-board.ts'
import { registerStream } from './register-stream.ts'
import { handlers } from './routes/index.ts'
import { sameOrigin } from './same-origin.ts'
import type { Mount } from './same-origin.ts'
import type { ApiOptions } from './options.ts'
import type { Serving } from './serving.ts'
import { version } from './version.ts'

/** A heartbeat with all its metrics and lines is well below this; large bytes go to storage. */
const maxBodyBytes = 4 * 2 ** 20

/** Streams are this late at most; all of a process look together, and only while somebody follows. */
const lookMs = 200

type ServerOptions = ApiOptions & { readonly closing: AbortSignal }

/** The HTTP server: every row of `routes` with its handler, OpenAPI made from the same rows, the embedded S3 beside. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const logger: FastifyBaseLogger = options.log
  const patience = options.patience ?? { headersMs: 30_000, bodyMs: 120_000 }
  const server: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    genReqId: () => randomUUID(),
    serverFactory: sameOrigin(mountsOf(options), patience.headersMs),
    clientErrorHandler: answerClientError,
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
    feeds: openFeeds(options.database, {
      pause: () => delay(lookMs, undefined, { ref: false }),
      onError: (error) => options.log.warn({ error }, 'feed not read, trying again'),
    }),
    random: Math.random,
    now: () => performance.now(),
  }
  // A request that did not wait for its move is over before it: the queue is still open here.
  server.addHook('onClose', deps.dispatch)
  const door = doorkeeper({ store: deps.store, limits: options.rateLimits ?? null, now: deps.now })
  const signalOf = watchHangUps(options.closing)
  endSlowBodies(server, patience.bodyMs)
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply))
  const methodsOf = methodsByPath(server)
  server.setNotFoundHandler((request, reply) => {
    door.letPass(request, reply)
    const allowed = methodsOf(request.url)
    if (allowed.length === 0) throw new AppError('not-found')
    reply.header('allow', allowed.join(', '))
    throw new AppError('method-not-allowed', { allowed })
  })
  const requests = watchRequests(server, options.log, options.meter ?? null)
  const made = traceRequests(server, options.tracer ?? null)
  const serving = { deps, door, signalOf, requests, made, log: options.log }
  for (const name of Object.keys(routes) as RouteName[])
    if (isStream(name)) registerStream(server, serving, name)
    else register(server, serving, name)
  if (options.queueBoard) registerQueueBoard(server, serving, { ...options.queueBoard, publicUrl: options.publicUrl })
  server.get('/v1/openapi.json', (request, reply) => {
    door.letPass(request, reply)
    return openApiDocument({ version, url: options.publicUrl ?? '/' })
  })
  return server
}

/** Methods that an address takes. */
function methodsByPath(server: FastifyInstance): (url: string) => string[] {
  const methods = [...new Set(Object.values(routes).map(({ method }) => method))]
  return (url) => methods.filter((method) => server.findRoute({ method, url: url.split('?', 1)[0]! }) !== null)
}

function mountsOf({ s3, telegramWebhook }: ServerOptions): ReadonlyMap<string, Mount> {
  const mounts = new Map<string, Mount>()
  if (s3) mounts.set('/s3', (request, response) => void s3.handle(request, response))
  if (telegramWebhook) mounts.set('/telegram', telegramWebhook)
  return mounts
}

function isStream(name: RouteName): name is StreamName {
  return 'stream' in routes[name]
}

type AnswerName = Exclude<RouteName, StreamName>

function register(
  server: FastifyInstance,
  { deps, door, signalOf, requests, made, log }: Serving,
  name: AnswerName,
): void {
  const route: RouteSpec = routes[name]
  const handler = handlers[name] as Handler<AnswerName>
  const read = requestReader(name, route)
  server.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const signal = signalOf(reply.raw)
      const { headers, url, body } = request
      const caller = await door.admit(route, request, reply)
      requests.calledBy(request, caller.tokenId)
      const audit = auditOf(deps.store, log, { name, route, caller, url, requestId: request.id })
      try {
        audit.about(await authorise(deps.store, route, caller, request.params))
        const { input, pick } = read(request)
        const { query } = input as { query?: Parameters<typeof wantsCsv>[1] }
        const ifMatch = ifMatchOf(route, headers['if-match'])
        if (query && wantsCsv(route, query, request))
          return await sendCsv(reply, route, query, (page) => {
            const paged = { ...input, query: { ...query, ...page } }
            const answer: unknown = handler(deps, paged, { caller, signal, requestId: null, ifMatch })
            return answer as ReturnType<Parameters<typeof sendCsv>[3]>
          })
        const run = async (requestId: string | null) => {
          const call = { caller, signal, requestId, ifMatch }
          const answer = { status: route.status, body: await handler({ ...deps, store: audit.store }, input, call) }
          await audit.done()
          made(request, name, answer.body)
          return answer
        }
        const key = headers['idempotency-key']
        const answer =
          route.method === 'POST' && typeof key === 'string' && !route.isSecret
            ? await once(deps.store, { tokenId: caller.tokenId, key, method: route.method, url, body }, run)
            : await run(null)
        requests.done(name, answer.body)
        return sendAnswer(route, request, reply, { ...answer, pick })
      } catch (error) {
        await audit.refused(error)
        throw error
      }
    },
  })
}
