import type { Config } from '@baton/config'
import type { Database } from '@baton/db'
import type { Log } from '@baton/log'
import { openTracer } from '@baton/trace'
import type { Tracer } from '@baton/trace'
import { traceStore } from './trace-store.ts'

/** The tracer of a service and the store that records with it; no tracer and the plain store where no collector is named. */
export async function openTracing({
  config,
  service,
  database,
  log,
}: {
  config: Config['tracing']
  service: string
  database: Database
  log: Log
}): Promise<{ tracer: Tracer | null; database: Database }> {
  if (config === null) return { tracer: null, database }
  const { endpoint, headers } = config
  const tracer = await openTracer({ endpoint, headers: headers?.reveal() ?? null, service, log })
  log.info({ endpoint }, 'traces are sent')
  return { tracer, database: traceStore(database, tracer) }
}
