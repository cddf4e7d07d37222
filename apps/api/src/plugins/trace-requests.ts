import type { Experiment, Matrix, RouteName } from '@baton/contracts'
import { experimentSpan } from '@baton/core'
import { parseTraceparent } from '@baton/trace'
import type { Tracer } from '@baton/trace'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Says what a request's handler made. An answer that is only given again made nothing. */
export type Made = (request: FastifyRequest, name: RouteName, body: unknown) => void

interface MadeExperiment {
  readonly id: string
  readonly project: string
  readonly version: number
}

/**
 * Begins the trace of each experiment with the request that made it. The trace is the experiment's own, named by its
 * id; it links to the span that the caller's `traceparent` names.
 */
export function traceRequests(server: FastifyInstance, tracer: Tracer | null): Made {
  if (tracer === null) return () => undefined
  const made = new WeakMap<FastifyRequest, readonly MadeExperiment[]>()
  server.addHook('onResponse', (request, reply, done) => {
    for (const experiment of made.get(request) ?? []) {
      const { method, id: requestId, headers } = request
      const route = request.routeOptions.url!
      const caller = parseTraceparent(String(headers.traceparent ?? ''))
      const endMs = Date.now()
      tracer.record({
        ...experimentSpan(experiment.id),
        name: `${method} ${route}`,
        kind: 'server',
        links: caller ? [caller] : [],
        startMs: endMs - reply.elapsedTime,
        endMs,
        attributes: {
          'http.request.method': method,
          'http.route': route,
          'http.response.status_code': reply.statusCode,
          'baton.request.id': requestId,
          'baton.experiment.id': experiment.id,
          'baton.project': experiment.project,
          'baton.version': experiment.version,
        },
      })
    }
    done()
  })
  return (request, name, body) => {
    const experiments = madeBy(name, body)
    if (experiments.length > 0) made.set(request, experiments)
  }
}

function madeBy(name: RouteName, body: unknown): readonly MadeExperiment[] {
  switch (name) {
    case 'createExperiment':
    case 'cloneExperiment':
    case 'rerunExperiment':
    case 'createEnsemble':
      return [body as Experiment]
    case 'createMatrix': {
      const { project, cells } = body as Matrix
      return cells.map(({ id, version }) => ({ id, project, version }))
    }
    default:
      return []
  }
}
