import { z } from 'zod'
import { Ordinal } from '../ids.ts'
import { Attempt, Fold } from '../resources.ts'
import { ExperimentSpec } from '../spec/index.ts'
import { fold, pageOf, pageQuery, readers, submitters } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** Folds, and the attempts at them. */
export const foldsRoutes = {
  getFold: {
    method: 'GET',
    path: '/v1/folds/:fold',
    summary: 'Get a fold',
    roles: readers,
    scope: 'fold',
    params: fold,
    status: 200,
    response: Fold,
    problems: [],
  },
  retryFold: {
    method: 'POST',
    path: '/v1/folds/:fold/retry',
    summary: 'Give a failed fold another chance, from its last checkpoint or from the beginning',
    roles: submitters,
    scope: 'fold',
    params: fold,
    body: z.strictObject({ fromStart: z.boolean().default(false) }),
    status: 200,
    response: Fold,
    problems: ['conflict'],
  },
  prioritiseFold: {
    method: 'POST',
    path: '/v1/folds/:fold/prioritise',
    summary: 'Change how soon a fold is leased',
    roles: submitters,
    scope: 'fold',
    params: fold,
    body: z.strictObject({ priority: ExperimentSpec.shape.priority.unwrap() }),
    status: 200,
    response: Fold,
    problems: ['conflict'],
  },
  getAttempt: {
    method: 'GET',
    path: '/v1/folds/:fold/attempts/:attempt',
    summary: 'Get an attempt by its number',
    roles: readers,
    scope: 'fold',
    params: fold.extend({ attempt: z.coerce.number().pipe(Ordinal) }),
    status: 200,
    response: Attempt,
    problems: [],
  },
  listAttempts: {
    method: 'GET',
    path: '/v1/folds/:fold/attempts',
    summary: "A fold's attempts, first to last",
    roles: readers,
    scope: 'fold',
    params: fold,
    query: z.object(pageQuery),
    status: 200,
    response: pageOf(Attempt),
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
