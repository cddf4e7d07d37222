import { z } from 'zod'
import { follow } from './follow.ts'
import { AppError, isAppError, problemCodes } from './problems.ts'
import type { ProblemCode } from './problems.ts'
import { routes } from './routes/index.ts'
import type { RouteInput, RouteName, RouteResponse, StreamName } from './routes/index.ts'
import { LARGEST_PAGE } from './routes/parts.ts'
import type { RouteSpec } from './routes/route.ts'

export interface ClientOptions {
  /** Address of the API, e.g. `http://127.0.0.1:4000`. */
  readonly url: string
  readonly token?: string
  readonly fetch?: typeof fetch
  /** Gives up on a call after this long. A long poll adds its own waiting to it. Default 30,000. */
  readonly timeoutMs?: number
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly idempotencyKey?: string
  /** The state that the call changes: the ETag it was read with (`etagOf`), or `*` for whatever it is now. */
  readonly ifMatch?: string
}

export interface FollowCallOptions {
  readonly signal?: AbortSignal
  /** Told each time that the stream broke and will be tried again. */
  readonly onRetry?: (problem: AppError) => void
}

type Args<N extends RouteName, Options> =
  unknown extends RouteInput<N> ? [input?: undefined, options?: Options] : [input: RouteInput<N>, options?: Options]

/**
 * One method a route, named as in `routes`. A route that streams is followed: its items come for as long as somebody
 * reads them, over as many connections as that takes.
 */
export type Client = {
  readonly [N in RouteName]: N extends StreamName
    ? (...args: Args<N, FollowCallOptions>) => RouteResponse<N>
    : (...args: Args<N, CallOptions>) => Promise<RouteResponse<N>>
}

/** RFC 9457 body as the API writes it. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(problemCodes),
  detail: z.string().optional(),
  instance: z.string().optional(),
  retryable: z.boolean(),
  remedy: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).default([]),
  facts: z.record(z.string(), z.json()).default({}),
})
export type Problem = z.infer<typeof Problem>

const etags = new WeakMap<object, string>()

/** The ETag that an answer of the client came with. */
export function etagOf(answer: object): string | undefined {
  return etags.get(answer)
}

/**
 * Every item of a list, page after page: `allPages(api.listAttempts, { params: { fold } })`. What is added or removed
 * meanwhile may or may not be there; everything else is there once.
 */
export async function allPages<Q extends { query?: { limit?: unknown } | undefined }, T>(
  list: (input: Q & { query: object }, options?: CallOptions) => Promise<{ items: T[]; nextCursor: string | null }>,
  input: Omit<Q, 'query'> & { query?: Omit<NonNullable<Q['query']>, 'limit' | 'cursor'> },
  options?: CallOptions,
): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = null
  do {
    const query = { ...input.query, limit: LARGEST_PAGE, ...(cursor === null ? {} : { cursor }) }
    const page = await list({ ...input, query } as Q & { query: object }, options)
    items.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return items
}

interface Input {
  params?: Record<string, string | number>
  query?: Record<string, string | number | undefined>
  body?: unknown
}

/**
 * The typed client, derived from `routes`: nothing to keep in step by hand.
 * A problem answer is thrown as the AppError it was; no answer at all as `unavailable`.
 */
export function createClient(options: ClientOptions): Client {
  const call = (name: RouteName) => {
    const route: RouteSpec = routes[name]
    return route.stream
      ? (input?: Input, call?: FollowCallOptions) => followRoute(options, route, input ?? {}, call ?? {})
      : (input?: Input, call?: CallOptions) => send(options, route, input ?? {}, call ?? {})
  }
  return Object.fromEntries((Object.keys(routes) as RouteName[]).map((name) => [name, call(name)])) as unknown as Client
}

function followRoute(options: ClientOptions, route: RouteSpec, input: Input, { signal, onRetry }: FollowCallOptions) {
  const open = async (after: number | null, ended: AbortSignal) => {
    const query = { ...input.query, after: after ?? undefined }
    const response = await answered(route, { signal: ended }, () =>
      (options.fetch ?? fetch)(addressOf(options.url, route.path, { ...input, query }), {
        headers: { ...headersOf(options, input, {}), accept: 'text/event-stream' },
        signal: ended,
      }),
    )
    if (!response.ok) throw await problemOf(response, route)
    return response
  }
  const { after } = (input.query ?? {}) as { after?: number | undefined }
  return follow({
    open,
    problemOf: (data) => appErrorOf(Problem.parse(JSON.parse(data))),
    item: route.stream!,
    after: after ?? null,
    signal,
    onRetry,
  })
}

async function send(options: ClientOptions, route: RouteSpec, input: Input, call: CallOptions): Promise<unknown> {
  const response = await request(options, route, input, call)
  if (!response.ok) throw await problemOf(response, route)
  const body = await answered(route, call, () => (route.response ? response.json() : response.arrayBuffer()))
  const parsed = route.response?.parse(body)
  const etag = response.headers.get('etag')
  if (etag !== null && typeof parsed === 'object' && parsed !== null) etags.set(parsed, etag)
  return parsed
}

async function request(options: ClientOptions, route: RouteSpec, input: Input, call: CallOptions): Promise<Response> {
  const waitMs = 1000 * ((input.body as { waitSeconds?: number } | undefined)?.waitSeconds ?? 0)
  const timeout = AbortSignal.timeout(Math.ceil((options.timeoutMs ?? 30_000) + waitMs))
  return answered(route, call, () =>
    (options.fetch ?? fetch)(addressOf(options.url, route.path, input), {
      method: route.method,
      headers: headersOf(options, input, call),
      signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
    }),
  )
}

/** An answer that does not come, breaks off or is not JSON (a tunnel's own page) is `unavailable`. */
async function answered<T>(route: RouteSpec, call: CallOptions, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    if (call.signal?.aborted) throw cause
    throw new AppError(
      'unavailable',
      { path: route.path },
      { detail: `${route.method} ${route.path} got no answer`, cause },
    )
  }
}

function headersOf(options: ClientOptions, input: Input, call: CallOptions): Record<string, string> {
  return {
    accept: 'application/json',
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    ...(input.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(call.idempotencyKey === undefined ? {} : { 'idempotency-key': call.idempotencyKey }),
    ...(call.ifMatch === undefined ? {} : { 'if-match': call.ifMatch }),
  }
}

function addressOf(url: string, path: string, { params, query }: Input): string {
  const filled = path.replace(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(String(params?.[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(name, String(value))
  return `${url.replace(/\/+$/, '')}${filled}${search.size > 0 ? `?${search.toString()}` : ''}`
}

/** What the server, or a proxy before it, says about when to come back. A date is left to the caller's own patience. */
function retryAfterOf(response: Response): { retryAfterSeconds?: number } {
  const text = response.headers.get('retry-after')
  return text !== null && /^\d{1,5}$/.test(text) ? { retryAfterSeconds: Number(text) } : {}
}

/** How long an error asks its caller to wait before the next try, in milliseconds; 0 where it does not say. */
export function retryAfterMs(error: unknown): number {
  const seconds = isAppError(error) ? error.facts.retryAfterSeconds : undefined
  return typeof seconds === 'number' ? seconds * 1000 : 0
}

async function problemOf(response: Response, route: RouteSpec): Promise<AppError> {
  const parsed = Problem.safeParse(await response.json().catch(() => null))
  if (parsed.success) return appErrorOf(parsed.data, retryAfterOf(response))
  // Not our answer: a proxy or tunnel in between. One with nobody behind it says 404 or 5xx.
  const isAway = response.status >= 500 || [404, 408, 429].includes(response.status)
  const code: ProblemCode = isAway ? 'unavailable' : 'request-invalid'
  return new AppError(
    code,
    { status: response.status, ...retryAfterOf(response) },
    { detail: `${route.method} ${route.path} answered ${response.status}` },
  )
}

function appErrorOf({ code, detail, errors, facts }: Problem, more: Record<string, unknown> = {}): AppError {
  return new AppError(code, { ...more, ...facts }, { faults: errors, ...(detail === undefined ? {} : { detail }) })
}
