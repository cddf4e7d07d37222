import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOnSampler, BatchSpanProcessor, RandomIdGenerator, TracerProvider } from '@opentelemetry/sdk-trace'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Span, SpanContext, Tracer, TracerOptions } from './span.ts'

const sendEveryMs = 1_000
/** A collector that is away must not fill the memory: what comes beyond this is dropped. */
const waitingMax = 4_096
const sendLimitMs = 5_000
/** A session's last seconds belong to its checkpoint. */
const closeLimitMs = 3_000

/** Sends spans by OTLP over HTTP, in JSON, with the OpenTelemetry SDK. */
export function otlpTracer({ endpoint, headers, service, log }: TracerOptions): Tracer {
  const ids = chosenIds()
  const exporter = new OTLPTraceExporter({
    url: `${endpoint}/v1/traces`,
    headers: headersOf(headers ?? ''),
    timeoutMillis: sendLimitMs,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    idGenerator: ids,
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: tellingOnce(exporter, log),
        maxQueueSize: waitingMax,
        scheduledDelayMillis: sendEveryMs,
        exportTimeoutMillis: sendLimitMs,
      }),
    ],
  })
  const tracer = provider.getTracer('baton')
  return {
    record(span) {
      ids.choose(span)
      const { name, kind = 'internal', parent, links = [], startMs, events = [], error } = span
      const within = parent ? trace.setSpanContext(ROOT_CONTEXT, contextOf(parent)) : ROOT_CONTEXT
      const started = tracer.startSpan(
        name,
        {
          kind: kind === 'server' ? SpanKind.SERVER : SpanKind.INTERNAL,
          links: links.map((link) => ({ context: contextOf(link) })),
          startTime: new Date(startMs),
          attributes: known(span.attributes ?? {}),
        },
        within,
      )
      for (const event of events) started.addEvent(event.name, new Date(event.atMs))
      if (error !== undefined) started.setStatus({ code: SpanStatusCode.ERROR, message: error })
      started.end(new Date(Math.max(startMs, span.endMs)))
    },
    async close() {
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeLimitMs)
      })
      await Promise.race([provider.shutdown().catch(() => undefined), limit])
      clearTimeout(timer)
    },
  }
}

/** Gives the next span the ids that were chosen for it. The SDK asks while it starts the span, in one go. */
function chosenIds() {
  const random = new RandomIdGenerator()
  let next: Pick<Span, 'traceId' | 'spanId'> | null = null
  return {
    choose: (ids: Pick<Span, 'traceId' | 'spanId'>) => void (next = ids),
    generateTraceId: () => next?.traceId ?? random.generateTraceId(),
    generateSpanId: () => next?.spanId ?? random.generateSpanId(),
  }
}

/** Says once that the collector is away, not every second, and again only after it was back. */
function tellingOnce(exporter: SpanExporter, log: TracerOptions['log']): SpanExporter {
  let isAway = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error && !isAway) log.warn({ error: result.error, spans: spans.length }, 'spans not sent')
        isAway = result.error !== undefined
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
  }
}

function contextOf({ traceId, spanId }: SpanContext) {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true }
}

function known(attributes: NonNullable<Span['attributes']>): Record<string, string | number | boolean> {
  const entries = Object.entries(attributes).filter(
    (entry): entry is [string, string | number | boolean] => entry[1] !== null,
  )
  return Object.fromEntries(entries)
}

function headersOf(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split(/=(.*)/s))
  return Object.fromEntries(
    pairs.flatMap(([name = '', value]) => (value === undefined ? [] : [[name.trim(), decoded(value.trim())]])),
  )
}

/** As it is, where it is not percent-encoded after all. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
