import type { Tracer, TracerOptions } from './span.ts'

/**
 * Opens the way to a collector. The OpenTelemetry SDK is loaded here and not before: who names no collector, as most
 * notebooks do, loads and sends nothing.
 */
export async function openTracer(options: TracerOptions): Promise<Tracer> {
  const { otlpTracer } = await import('./otlp-tracer.ts')
  return otlpTracer(options)
}
