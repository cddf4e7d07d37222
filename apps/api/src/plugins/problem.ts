import { AppError, isAppError, problems } from '@baton/contracts'
import type { Problem, ProblemCode } from '@baton/contracts'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** Names a problem for machines; `docs/problems.md` explains each. */
const problemType = (code: ProblemCode) => `urn:baton:problem:${code}`

/** The one place where a thrown value becomes an answer (RFC 9457). What is not expected shows nothing of itself. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = expected(error)
  if (known.code === 'internal') request.log.error({ error }, 'request failed')
  else if (problems[known.code].status >= 500) request.log.warn({ error, code: known.code }, 'request refused')
  const { status } = problems[known.code]
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
  const { statusCode, code } = error as Partial<FastifyError>
  if (statusCode === 413) return new AppError('payload-too-large')
  if (isUnreachable(code)) return new AppError('unavailable', {}, { cause: error })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('request-invalid', {}, { detail: (error as Error).message, cause: error })
  return new AppError('internal', {}, { cause: error })
}

/** Codes with which the database or queue says that it cannot be reached, is starting, stopping or overrun. */
function isUnreachable(code: unknown): boolean {
  return [
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'P1001',
    'P1002',
    'P1008',
    'P1017',
    'P2024',
    'P2028',
    '57P01',
    '57P03',
  ].includes(String(code))
}
