import { AppError, isAppError, problems } from '@baton/contracts'
import type { Problem, ProblemCode } from '@baton/contracts'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** Names a problem for machines, and is where this API explains it. */
export const problemType = (code: ProblemCode) => `/v1/problems/${code}`

/** The one place where a thrown value becomes an answer (RFC 9457). What is not expected shows nothing of itself. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = expected(error)
  if (known.code === 'internal') request.log.error({ error }, 'request failed')
  else if (problems[known.code].status >= 500) request.log.warn({ error, code: known.code }, 'request refused')
  const { status } = problems[known.code]
  const { retryAfterSeconds } = known.facts
  if (typeof retryAfterSeconds === 'number') reply.header('retry-after', retryAfterSeconds)
  if (known.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer')
  return reply.code(status).type('application/problem+json').send(problemOf(known, request.id))
}

export function problemOf(error: AppError, instance: string): Problem {
  const { status, title, retryable, remedy } = problems[error.code]
  return {
    type: problemType(error.code),
    title,
    status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    instance,
    retryable,
    remedy,
    errors: error.faults.map(({ pointer, detail }) => ({ pointer, detail })),
    facts: jsonFacts(error.facts),
  }
}

/** Facts go to the caller, so only what JSON can say; an error object in them would show its stack. */
function jsonFacts(facts: Readonly<Record<string, unknown>>): Problem['facts'] {
  const plain = Object.entries(facts).filter(([, value]) => !(value instanceof Error))
  return JSON.parse(JSON.stringify(Object.fromEntries(plain))) as Problem['facts']
}

function expected(error: unknown): AppError {
  if (isAppError(error)) return error
  const { statusCode } = error as Partial<FastifyError>
  if (statusCode === 413) return new AppError('payload-too-large')
  if (statusCode === 415) return new AppError('media-type-unsupported')
  if (isUnreachable(error)) return new AppError('unavailable', {}, { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('request-invalid', {}, { detail: (error as Error).message, cause: error })
  return new AppError('internal', {}, { cause: error })
}

/** What the database or queue says when it cannot be reached, is starting, stopping or overrun, or two callers collided. */
const unreachable: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT'],
  // Prisma's codes, and those of its PostgreSQL adapter, which stand inside the error of a raw query.
  ...['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034'],
  ...['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections', 'TransactionWriteConflict'],
  // PostgreSQL's: it ends or begins, has no connection left, broke a deadlock, gave up waiting for a lock or a process.
  ...['57P01', '57P03', '53300', '40P01', '40001', '55P03', '57014', '25P03'],
  // pg gives a connection that broke, or did not come, no code.
  'timeout exceeded when trying to connect',
  'Connection terminated due to connection timeout',
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
])

function isUnreachable(error: unknown): boolean {
  const { code, message, meta } = error as { code?: unknown; message?: unknown; meta?: AdapterMeta }
  const cause = meta?.driverAdapterError?.cause
  return [code, message, cause?.kind, cause?.originalCode, cause?.code].some((word) => unreachable.has(word))
}

interface AdapterMeta {
  readonly driverAdapterError?: {
    readonly cause?: { readonly kind?: unknown; readonly code?: unknown; readonly originalCode?: unknown }
  }
}
