import type { z } from 'zod'
import type { ProblemCode } from '../problems.ts'
import type { Role } from '../states.ts'

/** One route: the server registers it, OpenAPI describes it and the client calls it from this one row. */
export interface RouteSpec {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: `/v1/${string}`
  readonly summary: string
  /** Who may call it; empty: anybody. */
  readonly roles: readonly Role[]
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly status: 200 | 201 | 202 | 204
  /** Absent: no content. */
  readonly response?: z.ZodType
  /** The answer holds a secret that is shown once and stored nowhere, so it is not remembered to be given again. */
  readonly isSecret?: true
  /** Problems beside those any route may answer with (`commonProblems`). */
  readonly problems: readonly ProblemCode[]
}

/** What any route may answer with. */
export const commonProblems = [
  'request-invalid',
  'unauthenticated',
  'forbidden',
  'not-found',
  'payload-too-large',
  'unavailable',
  'internal',
] as const satisfies readonly ProblemCode[]
