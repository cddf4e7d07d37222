import { AppError, isAppError } from '@baton/contracts'
import type { S3ServiceException } from '@aws-sdk/client-s3'

/** Codes by which stores say that bytes are not what they were said to be. */
const mismatches = ['BadDigest', 'XAmzContentSHA256Mismatch', 'InvalidDigest']
const missing = ['NoSuchKey', 'NotFound']

/**
 * Runs a call to the store; what it fails with becomes an `AppError`.
 *
 * The store's own error is not kept as the cause: it carries the signed request, key ids included.
 *
 * @throws {AppError} `blob-missing`, `digest-mismatch`, `storage-unavailable`
 */
export async function callStore<T>(operation: string, digest: string | null, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (isAppError(error)) throw error
    throw toAppError(error as Failure, operation, digest)
  }
}

/** Whether the store answered that there is no such object or bucket. */
export function isMissing(error: unknown): boolean {
  return missing.includes((error as Failure).name) || (error as Failure).$metadata?.httpStatusCode === 404
}

type Failure = Partial<Pick<S3ServiceException, 'name' | '$metadata'>> & { name: string; code?: string }

function toAppError(error: Failure, operation: string, digest: string | null): AppError {
  if (digest !== null && missing.includes(error.name)) return new AppError('blob-missing', { digests: [digest] })
  if (mismatches.includes(error.name)) return new AppError('digest-mismatch', { digest })
  const status = error.$metadata?.httpStatusCode
  return new AppError('storage-unavailable', {
    operation,
    reason: error.code ?? error.name,
    ...(status === undefined ? {} : { status }),
  })
}
