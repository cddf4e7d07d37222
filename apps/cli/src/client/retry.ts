import { setTimeout } from 'node:timers/promises'
import { isAppError, problems, retryAfterMs } from '@baton/contracts'
import type { AppError } from '@baton/contracts'

/** Seven seconds of trying in all: what is away for longer, the person had better know about. */
const delaysMs = [500, 1000, 2000, 4000]

/**
 * Does it again, after growing pauses or those that the API asks for, while the problem may pass by itself.
 *
 * @param onRetry Told of each problem that was not the last.
 * @throws the last problem
 */
export async function retrying<T>(
  work: () => Promise<T>,
  { signal, onRetry }: { signal?: AbortSignal; onRetry?: (problem: AppError) => void } = {},
): Promise<T> {
  for (const delayMs of delaysMs) {
    try {
      return await work()
    } catch (error) {
      if (!isAppError(error) || !problems[error.code].retryable) throw error
      onRetry?.(error)
      await setTimeout(Math.max(delayMs, retryAfterMs(error)), undefined, signal ? { signal } : {})
    }
  }
  return work()
}
