import type { IncomingHttpHeaders } from 'node:http'
import { AppError, isAppError } from '@baton/contracts'
import type { RouteSpec } from '@baton/contracts'
import type { Caller } from '@baton/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { QueueBoardOptions } from '../options.ts'
import { auditOf } from '../plugins/audit.ts'
import { bearerOf } from '../plugins/authenticate.ts'
import { authorise } from '../plugins/authorise.ts'
import type { Serving } from '../serving.ts'
import type { Board, BoardAnswer } from './open-board.ts'
import { openPass, passSeconds, sealPass } from './pass.ts'
import { signInPage } from './sign-in-page.ts'

type Options = QueueBoardOptions & { readonly publicUrl: string | undefined }

const cookieName = 'baton_queues'
/** A token in a form is shorter. */
const maxFormBytes = 1024
/** More pools than this are for metrics, not for a page. */
const maxPools = 1000
const entrance = { roles: ['owner'], scope: 'service' } as const

/**
 * Scripts are bull-board's own files. It makes style elements as it goes, the wait before it has style attributes, and
 * neither carries a nonce; so styles may stand in the page. Nothing is fetched from elsewhere, and nobody frames it.
 */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * The page of queues, for owners of all projects: a browser signs in with the token and gets a cookie that is good for
 * nothing but this page; programs send the token as everywhere. bull-board is loaded when somebody first comes in.
 */
export function registerQueueBoard(server: FastifyInstance, serving: Serving, options: Options): void {
  // A scope of its own: forms are read here only.
  void server.register((scope, _, done) => {
    const asText = { parseAs: 'string', bodyLimit: maxFormBytes } as const
    scope.addContentTypeParser('application/x-www-form-urlencoded', asText, (_request, body, parsed) =>
      parsed(null, body),
    )
    scope.addHook('onRequest', (_request, reply, next) => {
      reply.headers({ ...pageHeaders, 'cache-control': 'no-store' })
      next()
    })
    serve(scope, serving, options)
    done()
  })
}

function serve(scope: FastifyInstance, { deps, door, requests, log }: Serving, options: Options): void {
  const { store } = deps
  const attributes = `Path=/queues; HttpOnly; SameSite=Strict${options.publicUrl?.startsWith('https:') ? '; Secure' : ''}`
  let board: Promise<Board> | undefined
  const openOnce = () =>
    (board ??= import('./open-board.ts').then(({ openBoard }) => openBoard({ isWritable: options.isWritable })))

  /** @throws {AppError} `unauthenticated`, `forbidden`, `rate-limited` */
  const enter = async (token: string | undefined, request: FastifyRequest, reply: FastifyReply) => {
    const caller = await door.admitToken(token, request, reply)
    requests.calledBy(request, caller.tokenId)
    await authorise(store, { ...entrance, method: methodOf(request) }, caller, {})
    return caller
  }
  const tokenOf = async ({ headers }: FastifyRequest) => {
    if (headers.authorization !== undefined) return bearerOf(headers.authorization)
    const pass = cookieOf(headers)
    return pass === undefined ? undefined : openPass(store, pass, Date.now())
  }

  scope.post('/queues/sign-in', async (request, reply) => {
    assertOwnPage(request.headers, options.publicUrl)
    const given = typeof request.body === 'string' ? new URLSearchParams(request.body).get('token') : null
    const token = bearerOf(`Bearer ${given?.trim() ?? ''}`)
    const caller = await orSignIn(reply, true, () => enter(token, request, reply))
    if (caller === null) return reply
    const { hash } = (await store.tokens.get(caller.tokenId))!
    const pass = sealPass(token!, { id: caller.tokenId, hash }, Date.now())
    reply.header('set-cookie', `${cookieName}=${pass}; Max-Age=${passSeconds}; ${attributes}`)
    return reply.redirect('/queues/', 303)
  })

  scope.get('/queues/sign-out', async (request, reply) => {
    door.letPass(request, reply)
    reply.header('set-cookie', `${cookieName}=; Max-Age=0; ${attributes}`)
    return reply.redirect('/queues/', 303)
  })

  const poolNames = async () => (await store.pools.list(null, { limit: maxPools })).items.map(({ name }) => name)

  const look = async (request: FastifyRequest, reply: FastifyReply) => {
    const isBrowsing = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html')
    const caller = await orSignIn(reply, isBrowsing, async () => enter(await tokenOf(request), request, reply))
    if (caller === null) return reply
    const path = request.url.split('?', 1)[0]!.slice('/queues'.length) || '/'
    const ask = async (): Promise<BoardAnswer> => {
      const queues = path.startsWith('/api/') ? options.queue.inspect(await poolNames()) : []
      const body = (request.body ?? {}) as Record<string, unknown>
      const query = request.query as Record<string, unknown>
      const answer = await (await openOnce()).answer({ method: methodOf(request), path, query, body }, queues)
      if (answer === null) throw new AppError('not-found')
      return answer
    }
    const { status, type, body, isFile } = await (request.method === 'GET' || request.method === 'HEAD'
      ? ask()
      : change(request, caller, ask))
    // Files of one version have one name, but texts do not.
    if (isFile) reply.header('cache-control', 'private, max-age=3600')
    return reply.code(status).type(type).send(body)
  }

  const change = async (request: FastifyRequest, caller: Caller, ask: () => Promise<BoardAnswer>) => {
    const about = { name: 'changeQueues', route: { method: methodOf(request) }, caller, url: request.url }
    const audit = auditOf(store, log, { ...about, requestId: request.id })
    try {
      if (request.headers.authorization === undefined) assertOwnPage(request.headers, options.publicUrl)
      if (!options.isWritable)
        throw forbidden('this page is read-only; BATON_QUEUES_WRITABLE=true allows retry and clean')
      const answer = await ask()
      if (answer.status >= 400) await audit.refused(new AppError('request-invalid'))
      else await audit.done()
      return answer
    } catch (error) {
      await audit.refused(error)
      throw error
    }
  }

  for (const url of ['/queues', '/queues/*'])
    scope.route({ method: ['GET', 'POST', 'PUT', 'PATCH'], url, handler: look })
}

/** Shows the sign-in to a browser that may not come in, and gives null then. */
async function orSignIn(
  reply: FastifyReply,
  isBrowsing: boolean,
  enter: () => Promise<Caller>,
): Promise<Caller | null> {
  try {
    return await enter()
  } catch (error) {
    if (!isBrowsing) throw error
    const html = reply.type('text/html; charset=utf-8')
    if (isAppError(error, 'unauthenticated')) html.code(401).send(signInPage(saidOf(reply)))
    else if (isAppError(error, 'forbidden'))
      html.code(403).send(signInPage('This page needs a token of role owner that is good for all projects.'))
    else throw error
    return null
  }
}

function saidOf({ request }: FastifyReply): string | null {
  return request.method === 'POST' ? 'That token is not known, or no longer good.' : null
}

function methodOf({ method }: FastifyRequest): RouteSpec['method'] {
  return (method === 'HEAD' ? 'GET' : method) as RouteSpec['method']
}

function cookieOf({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  const pair = cookie.split('; ').find((one) => one.startsWith(`${cookieName}=`))
  return pair?.slice(cookieName.length + 1)
}

/**
 * Refuses what another page had the browser send. `SameSite=Strict` keeps the cookie from other sites, but counts all
 * ports of a host as one; browsers say of every change where it comes from.
 *
 * @throws {AppError} `forbidden`
 */
function assertOwnPage(headers: IncomingHttpHeaders, publicUrl: string | undefined): void {
  const site = headers['sec-fetch-site']
  const { origin, host } = headers
  const isOwn =
    site === undefined
      ? origin !== undefined &&
        [`http://${host}`, `https://${host}`, publicUrl && new URL(publicUrl).origin].includes(origin)
      : site === 'same-origin'
  if (!isOwn) throw forbidden('this did not come from the page of queues')
}

function forbidden(detail: string): AppError {
  return new AppError('forbidden', {}, { detail })
}
