export { openTracer } from './open-tracer.ts'
export { parseTraceparent } from './traceparent.ts'
export type { Span, SpanContext, Tracer, TracerOptions } from './span.ts'
