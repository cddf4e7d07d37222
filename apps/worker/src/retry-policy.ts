import { isAppError, problems, retryAfterMs } from '@baton/contracts'
import type { Log } from '@baton/log'
import type { Clock } from './clock.ts'

/**
 * What follows from an error of a call to the API or to storage.
 *
 * retry          the same call may succeed later
 * leave-fold     another session has the fold, or nobody may work on it: stop at once, change nothing
 * leave-session  the API knows this session no longer: stop everything
 * fail-fold      trying again would only repeat it: report it as the fold's failure
 */
export type Verdict = 'retry' | 'leave-fold' | 'leave-session' | 'fail-fold'

/** The one mapping from what went wrong to what is done about it. */
export function verdictOn(error: unknown): Verdict {
  if (!isAppError(error)) return 'fail-fold'
  if (error.code === 'lease-lost') return 'leave-fold'
  if (error.code === 'unauthenticated' || error.code === 'conflict') return 'leave-session'
  return problems[error.code].retryable ? 'retry' : 'fail-fold'
}

/** What everything that waits or tries again is given. */
export interface Tools {
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

export interface RetryOptions {
  /** What is tried, for the log: `record checkpoint`. */
  readonly what: string
  /** Ends the trying; its reason is thrown. */
  readonly signal: AbortSignal
  /** Gives up, with the last error, once it has failed for this long. Default: never. */
  readonly giveUpAfterMs?: number
  /** Called before each new try with the error of the last; throws to give up. */
  readonly beforeRetry?: (error: unknown) => void
}

/** Longest wait between two tries: an API that comes back is noticed within half a minute. */
const longestDelayMs = 30_000

/**
 * Does something until it succeeds, however long the other side is away.
 *
 * @throws whatever error's verdict is not `retry`; the signal's reason once it aborts
 */
export async function retrying<T>(tools: Tools, options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const startMs = tools.clock.now()
  for (let failures = 0; ; failures++) {
    options.signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      options.signal.throwIfAborted()
      const isOverdue = tools.clock.now() - startMs >= (options.giveUpAfterMs ?? Infinity)
      if (isOverdue || verdictOn(error) !== 'retry') throw error
      options.beforeRetry?.(error)
      const delayMs = Math.max(delayBeforeRetry(failures, tools.random), retryAfterMs(error))
      // The first failure is everyday: a notebook's network hiccups.
      tools.log[failures === 0 ? 'debug' : 'warn'](
        { error, failures: failures + 1, delayMs },
        `${options.what} failed, trying again`,
      )
      await tools.clock.sleep(delayMs, options.signal)
    }
  }
}

/**
 * Exponential backoff with jitter: between half and all of min(30 s, 0.5 s · 2ⁿ), so that sessions cut off
 * together do not come back together.
 *
 * @param failures How often it failed before, 0 the first time.
 */
export function delayBeforeRetry(failures: number, random: () => number): number {
  const ms = Math.min(longestDelayMs, 500 * 2 ** Math.min(failures, 10))
  return (ms / 2) * (1 + random())
}
