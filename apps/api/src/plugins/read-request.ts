import { fieldPicker, parseOrThrow, picksFields, queryOf } from '@baton/contracts'
import type { RouteSpec } from '@baton/contracts'
import type { FastifyRequest } from 'fastify'
import { storable } from './storable.ts'

export interface ReadRequest {
  /** Params, query and body as the route's schemas want them, defaults filled in. */
  readonly input: Record<string, unknown>
  /** Takes the fields that were asked for; null: all of them. */
  readonly pick: ((answer: unknown) => unknown) | null
}

/** Reads requests of a route, or says everything that is wrong with one at once. */
export function requestReader(name: string, route: RouteSpec): (request: FastifyRequest) => ReadRequest {
  const query = queryOf(route)
  const picks = picksFields(route)
  const bodyProblem = name === 'createExperiment' || name === 'createMatrix' ? 'spec-invalid' : 'request-invalid'
  return (request) => {
    const asked = parseOrThrow(query, request.query, 'request-invalid')
    return {
      input: {
        ...(route.params ? { params: parseOrThrow(route.params, request.params, 'not-found') } : {}),
        ...(route.query ? { query: asked } : {}),
        ...(route.body
          ? { body: parseOrThrow(route.body, storable(request.body === undefined ? {} : request.body), bodyProblem) }
          : {}),
      },
      pick: picks && typeof asked.fields === 'string' ? fieldPicker(route.response!, asked.fields) : null,
    }
  }
}
