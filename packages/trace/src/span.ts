/** Which span: what another one names as its parent or links to. */
export interface SpanContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
}

/** Something that took a time, within a trace; told once it is over. */
export interface Span {
  readonly name: string
  readonly kind?: 'internal' | 'server'
  readonly traceId: string
  /** Absent: nobody else has to know it. The same id twice is the same span. */
  readonly spanId?: string
  readonly parent?: SpanContext
  /** Spans that this one follows from without being a part of them. */
  readonly links?: readonly SpanContext[]
  /** Milliseconds since the epoch, fractions allowed. */
  readonly startMs: number
  readonly endMs: number
  /** What happened meanwhile. */
  readonly events?: readonly { readonly name: string; readonly atMs: number }[]
  /** Facts that anybody who reads traces may see: ids, numbers, codes, names. Null ones are left out. */
  readonly attributes?: Readonly<Record<string, string | number | boolean | null>>
  /** Code of what went wrong, if something did. */
  readonly error?: string
}

export interface Tracer {
  /** Takes a span; it is sent with others soon. Never fails and never waits. */
  record(span: Span): void
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>
}

export interface TracerOptions {
  /** Base address of the collector's OTLP over HTTP, e.g. `http://127.0.0.1:4318`. */
  readonly endpoint: string
  /** `name=value` by commas, percent-encoded, as OpenTelemetry has them; sent with every batch. May hold a key. */
  readonly headers: string | null
  /** `service.name`. */
  readonly service: string
  readonly log: { readonly warn: (fields: object, message: string) => void }
}
