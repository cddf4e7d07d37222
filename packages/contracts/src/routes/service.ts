import { z } from 'zod'
import { problemCodes } from '../problems.ts'
import { list } from './parts.ts'
import type { RouteSpec } from './route.ts'

/** A row of the problem table: what the `type` of a problem answer leads to. */
const ProblemType = z.strictObject({
  code: z.enum(problemCodes),
  type: z.string(),
  met: z.enum(['rest', 'fold', 'machine']),
  status: z.int(),
  title: z.string(),
  retryable: z.boolean(),
  remedy: z.string(),
})

/** Of the service itself. */
export const serviceRoutes = {
  getHealth: {
    method: 'GET',
    path: '/v1/health',
    summary: 'Whether the service can do its work',
    roles: [],
    scope: 'anybody',
    status: 200,
    response: z.strictObject({ status: z.literal('ok'), version: z.string() }),
    problems: [],
  },
  listProblems: {
    method: 'GET',
    path: '/v1/problems',
    summary: 'List everything that can go wrong, and what to do about each',
    roles: [],
    scope: 'anybody',
    status: 200,
    response: list(ProblemType),
    problems: [],
  },
  getProblem: {
    method: 'GET',
    path: '/v1/problems/:code',
    summary: 'Get what a problem means, and what to do about it',
    roles: [],
    scope: 'anybody',
    params: z.object({ code: z.enum(problemCodes) }),
    status: 200,
    response: ProblemType,
    problems: [],
  },
} as const satisfies Record<string, RouteSpec>
