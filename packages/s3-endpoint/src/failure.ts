import { S3Error } from './errors.ts'
import { MaybeKept } from './files/maybe-kept.ts'

/** SQLSTATE classes and codes under which the same request may succeed later. */
const passing = /^(08|53|57P|40)/
const unreachable = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EMFILE', 'ENFILE']
const noSpace = ['ENOSPC', 'EDQUOT', 'EFBIG']

/** What a client is told of any failure. What it cannot have caused is a 5xx without details. */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error
  if (error instanceof MaybeKept) return toS3Error(error.cause)
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code !== 'string') return new S3Error(isConnectionLost(error) ? 'ServiceUnavailable' : 'InternalError')
  if (noSpace.includes(code)) return new S3Error('InsufficientStorage')
  return new S3Error(passing.test(code) || unreachable.includes(code) ? 'ServiceUnavailable' : 'InternalError')
}

/** pg tells of lost and missing connections in words alone. */
function isConnectionLost(error: unknown): boolean {
  return (
    error instanceof Error &&
    /connection (terminated|timeout)|timeout exceeded when trying to connect/i.test(error.message)
  )
}
