import type { RouteSpec } from '@baton/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { etagOf, isKnown } from './etag.ts'
import type { Answer } from './idempotency.ts'
import type { ReadRequest } from './read-request.ts'

/**
 * Sends what a handler answered: the fields that were asked for, where the next page is, and an ETag on what can be read
 * again; 304 where the caller has it already.
 */
export function sendAnswer(
  route: RouteSpec,
  request: FastifyRequest,
  reply: FastifyReply,
  { status, body, isReplay, pick }: Answer & Pick<ReadRequest, 'pick'>,
): FastifyReply {
  if (isReplay) reply.header('idempotent-replayed', 'true')
  if (!route.response) return reply.code(status).send()
  if (route.location) reply.header('location', locationOf(route.location, body))
  const link = nextPage(request.url, body)
  if (link !== null) reply.header('link', link)
  const json = JSON.stringify(pick === null ? body : pick(body))
  if (route.method === 'GET' || route.needsIfMatch) {
    const etag = etagOf(json)
    reply.header('etag', etag)
    if (route.method === 'GET' && isKnown(etag, request.headers['if-none-match'])) return reply.code(304).send()
  }
  return reply.code(status).type('application/json; charset=utf-8').send(json)
}

/** The path of what was made: its names are fields of the answer. */
function locationOf(path: string, answer: unknown): string {
  const fields = answer as Readonly<Record<string, string | number>>
  return path.replace(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(fields[name]!))
}

/** The page after this one (RFC 8288): this address with the cursor of the next; null where there is none. */
function nextPage(url: string, body: unknown): string | null {
  const { nextCursor } = (body ?? {}) as { nextCursor?: unknown }
  if (typeof nextCursor !== 'string') return null
  const at = url.indexOf('?')
  const search = new URLSearchParams(at === -1 ? '' : url.slice(at))
  search.set('cursor', nextCursor)
  return `<${at === -1 ? url : url.slice(0, at)}?${search.toString()}>; rel="next"`
}
