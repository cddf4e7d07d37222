import type { ProblemCode } from '@baton/contracts'

/** Times of the lease protocol: how long a lease lasts without a heartbeat, and how often a worker sends one. */
export interface LeaseTimes {
  readonly leaseSeconds: number
  readonly heartbeatSeconds: number
}

/** Kinds of failure that are treated alike. */
export type FailureClass = 'user' | 'memory' | 'numeric' | 'data' | 'checkpoint' | 'infrastructure' | 'poison'

/** The class of what a worker reported. What is not listed is ours to repair, so it is tried again. */
export function failureClassOf(code: ProblemCode): FailureClass {
  switch (code) {
    case 'user-code-failed':
    case 'bundle-invalid':
      return 'user'
    case 'out-of-memory':
      return 'memory'
    case 'loss-not-finite':
      return 'numeric'
    case 'sample-broken':
    case 'manifest-invalid':
    case 'spec-invalid':
    case 'input-unusable':
    case 'weights-unfit':
    case 'predictions-incomplete':
      return 'data'
    case 'checkpoint-corrupt':
      return 'checkpoint'
    case 'fold-poisoned':
      return 'poison'
    default:
      return 'infrastructure'
  }
}

/**
 * Failures of one class that a fold may have before it is given up. Numeric and data failures would only repeat; after a
 * checkpoint's the fold goes on from the one before it, of which there are two, and then from the beginning.
 */
const allowedFailures: Record<Exclude<FailureClass, 'user'>, number> = {
  memory: 1,
  numeric: 0,
  data: 0,
  checkpoint: 3,
  infrastructure: 5,
  poison: 0,
}

export type RetryDecision = { readonly retry: false } | { readonly retry: true; readonly delaySeconds: number }

/**
 * Whether a fold that failed is tried again, and when: 5 s · 2ⁿ with up to half of it added as jitter, at most
 * 5 minutes, so that folds failing together do not come back together.
 *
 * @param failures How often the fold failed in this class before, 0 the first time.
 * @param random Uniform in [0, 1).
 */
export function decideRetry(
  failureClass: FailureClass,
  failures: number,
  options: { userCodeRetries: number; random: () => number },
): RetryDecision {
  const allowed = failureClass === 'user' ? options.userCodeRetries : allowedFailures[failureClass]
  if (failures >= allowed) return { retry: false }
  const base = Math.min(300, 5 * 2 ** failures)
  return { retry: true, delaySeconds: base * (1 + options.random() / 2) }
}

/** Sessions that die at one step before the fold is called poisoned. */
export const deathsUntilPoisoned = 3
/** Deaths before any step was done count less: notebooks do die while starting. */
export const deathsWithoutStepUntilPoisoned = 10

/**
 * Counts deaths at one step. A death after other steps starts the count anew.
 *
 * @param step Step at which the session died; null if it had done none.
 */
export function countDeath(
  before: { lostAtStep: number | null; lostInARow: number },
  step: number | null,
): { lostAtStep: number | null; lostInARow: number; poisoned: boolean } {
  const same = before.lostInARow > 0 && before.lostAtStep === step
  const lostInARow = same ? before.lostInARow + 1 : 1
  const limit = step === null ? deathsWithoutStepUntilPoisoned : deathsUntilPoisoned
  return { lostAtStep: step, lostInARow, poisoned: lostInARow >= limit }
}
