import { sha256 } from '../digest.ts'

/** Which span: what another one names as its parent or links to. */
export interface SpanContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
}

/**
 * The span of an experiment's acceptance, the root of its trace.
 *
 * Ids are derived, not drawn: every process that knows an experiment, a fold and an attempt knows where its spans
 * belong, whatever died, was lost or restored in between, and nothing of it is stored. An experiment's id is a UUID,
 * as good a trace id as any.
 */
export function experimentSpan(experimentId: string): SpanContext {
  return { traceId: experimentId.replaceAll('-', ''), spanId: spanIdOf('experiment', experimentId) }
}

/** The span of a fold's nth offer, from when it was due until a session leased it. */
export function offerSpan(experimentId: string, foldId: string, offer: number): SpanContext {
  return { ...experimentSpan(experimentId), spanId: spanIdOf('offer', foldId, offer) }
}

/** The span of an attempt: what its session does belongs into it, and the next attempt links to it. */
export function attemptSpan(experimentId: string, foldId: string, attempt: number): SpanContext {
  return { ...experimentSpan(experimentId), spanId: spanIdOf('attempt', foldId, attempt) }
}

/** A context as the W3C header `traceparent` carries it, sampled. */
export function writeTraceparent({ traceId, spanId }: SpanContext): string {
  return `00-${traceId}-${spanId}-01`
}

function spanIdOf(...names: readonly (string | number)[]): string {
  return sha256(JSON.stringify(names)).slice(0, 16)
}
