import type { RouteName, RouteRequest, RouteResponse, StreamItem } from '@baton/contracts'
import type { BlobStore, Caller, Feeds, Following, IfMatch, JobQueue, LeaseTimes } from '@baton/core'
import type { Database } from '@baton/db'

/** What handlers work with. */
export interface Deps {
  readonly store: Database
  readonly queue: JobQueue
  readonly blobs: BlobStore
  readonly times: LeaseTimes
  readonly botName: string | null
  /** What streams follow. */
  readonly feeds: Feeds
  /** Moves what a request asked for into the queue. Never fails and never takes long. */
  readonly dispatch: () => Promise<void>
  /** Uniform in [0, 1): jitter of retries. */
  readonly random: () => number
  /** Milliseconds, for waiting; never for what is written down. */
  readonly now: () => number
}

/** Who calls, and whether they still listen. */
export interface Call {
  readonly caller: Caller
  /** Aborts when the caller hangs up or the server closes. */
  readonly signal: AbortSignal
  /** Names this request and its repetitions, where the caller sent an Idempotency-Key. */
  readonly requestId: string | null
  /** For verbs of routes that need If-Match: whether the caller means the state that is to be changed. */
  readonly ifMatch: IfMatch
}

/** What a handler gives: of a route that streams, where that begins and what follows. */
type Answer<N extends RouteName> =
  RouteResponse<N> extends AsyncIterable<StreamItem<infer T>> ? Following<T> : RouteResponse<N>

/** Answers one route: the request is validated and its caller's role was checked. */
export type Handler<N extends RouteName> = (deps: Deps, request: RouteRequest<N>, call: Call) => Promise<Answer<N>>
export type Handlers<N extends RouteName = RouteName> = { readonly [K in N]: Handler<K> }
