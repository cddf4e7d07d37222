import type { SpanContext } from './span.ts'

/** The context in a W3C `traceparent`; null for one that is absent, malformed or names nothing. */
export function parseTraceparent(text: string | null | undefined): SpanContext | null {
  const [, version, traceId, spanId] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}(?:-.*)?$/.exec(text ?? '') ?? []
  if (version === 'ff' || traceId === undefined || spanId === undefined) return null
  return /^0+$/.test(traceId) || /^0+$/.test(spanId) ? null : { traceId, spanId }
}
