import { AppError, isAppError } from '@baton/contracts'

/**
 * Whether a step needed more memory than there is. TensorFlow has a status for it (8, RESOURCE_EXHAUSTED), which
 * tfjs-node passes on in words only: of an operation its number, of a graph what TensorFlow says. The last form is V8's.
 * A thread whose JavaScript heap is full ends with a code.
 */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (
    ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') ||
    /TF_Status: 8\b|\bOOM when allocating|failed to allocate memory|Array buffer allocation failed/.test(error.message)
  )
}

/**
 * The function of a code bundle, with what it throws named as the user's: an experiment's failure then says whose code
 * it was, and is not tried again as if a machine had broken.
 *
 * @throws {AppError} `user-code-failed`, from the function returned, and at once where it is none
 */
export function guardBundle<Args extends unknown[], Result>(
  piece: string,
  run: (...args: Args) => Result,
): (...args: Args) => Result {
  if (typeof run !== 'function')
    throw new AppError('user-code-failed', { piece }, { detail: `the ${piece} of the code bundle must be a function` })
  return (...args) => {
    try {
      return run(...args)
    } catch (cause) {
      if (isAppError(cause) || isOutOfMemory(cause)) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new AppError('user-code-failed', { piece }, { detail: `the ${piece} of the code bundle: ${reason}`, cause })
    }
  }
}
