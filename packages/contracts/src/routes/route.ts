import { z } from 'zod'
import type { ColumnName } from '../board/columns.ts'
import type { ProblemCode } from '../problems.ts'
import type { Role } from '../states.ts'

/** What a path names by an id, whose project is looked up; `:fold` is of the scope `fold`. */
export const idScopes = ['fold', 'session', 'token'] as const
export type IdScope = (typeof idScopes)[number]

/**
 * How what a route is about belongs to a project, so that a token of one project reaches no other.
 *
 * anybody   no token is asked for
 * service   all projects at once: only for tokens of all projects
 * visible   several projects: the handler keeps to the caller's, where it has one
 * project   the `:project` of the path; another one is `forbidden`, whether or not it exists
 * fold …    what the id in the path names (`idScopes`); one of another project is `not-found`
 * own       the calling session, named by `:session`, or the one that an enrolment begins
 * lease     the fold that the calling session holds: the verb checks its fence
 */
export type Scope = 'anybody' | 'service' | 'visible' | 'project' | IdScope | 'own' | 'lease'

/** One route: the server registers it, OpenAPI describes it and the client calls it from this one row. */
export interface RouteSpec {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: `/v1/${string}`
  readonly summary: string
  /** Who may call it; empty: anybody. */
  readonly roles: readonly Role[]
  readonly scope: Scope
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly status: 200 | 201 | 202 | 204
  /** Where the answer's resource is: its names in the path are fields of the answer. Sent as the Location header. */
  readonly location?: `/v1/${string}`
  /** Absent: no content. */
  readonly response?: z.ZodType
  /** A list of experiments that is also answered as CSV: its columns where `fields` names none, and what stands before. */
  readonly csv?: { readonly before: readonly string[]; readonly usual: readonly ColumnName[] }
  /** The answer goes on: server-sent events, each with one of these as its data. */
  readonly stream?: z.ZodType
  /** The answer holds a secret that is shown once and stored nowhere, so it is not remembered to be given again. */
  readonly isSecret?: true
  /** It changes what a person may have read before: the caller says by If-Match which state they mean. */
  readonly needsIfMatch?: true
  /** Problems beside those that follow from the rest of the row (`problemsOf`). */
  readonly problems: readonly ProblemCode[]
}

const fields = z
  .string()
  .min(1)
  .max(2000)
  .optional()
  .meta({
    description: 'Fields to answer with, of each item of a list: `version,folds.status`. Without it, all.',
    examples: ['id'],
  })

/** Whether an answer's fields are picked from it, and not by the handler. */
export function picksFields(route: RouteSpec): boolean {
  return route.method === 'GET' && route.response !== undefined && !('fields' in (route.query?.shape ?? {}))
}

/** The query that a route takes, no other names: its own, and `fields` where it reads something. */
export function queryOf(route: RouteSpec): z.ZodObject {
  const query = route.query ?? z.object({})
  return (picksFields(route) ? query.safeExtend({ fields }) : query).strict()
}

/** All that a route may answer with when it does not succeed. */
export function problemsOf(route: RouteSpec): ProblemCode[] {
  return [
    'request-invalid',
    ...(route.roles.length > 0 ? (['unauthenticated', 'forbidden'] as const) : []),
    ...(route.params ? (['not-found'] as const) : []),
    ...(route.method === 'GET' ? [] : (['payload-too-large', 'media-type-unsupported'] as const)),
    'headers-too-large',
    'request-too-slow',
    'rate-limited',
    'unavailable',
    'internal',
    ...(route.method === 'POST' && !route.isSecret
      ? (['idempotency-key-reused', 'idempotency-in-flight'] as const)
      : []),
    ...(route.needsIfMatch ? (['precondition-required', 'precondition-failed'] as const) : []),
    ...route.problems,
  ]
}
