import type { ScheduleSpec } from '@baton/contracts'

/** Length of the warm-up in whole steps. */
export function warmupStepsOf({ warmupSteps, warmupEpochs }: ScheduleSpec, stepsPerEpoch: number): number {
  return warmupSteps + Math.round(warmupEpochs * stepsPerEpoch)
}

/**
 * The rate rises in a straight line to η, the schedule's first:
 *
 *   lr(t) = η · (t + 1)/w                       without a divisor: the last step of the warm-up is at η
 *   lr(t) = η / M · ((M − 1) · t/w + 1)         with divisor M: the first is at η / M, the schedule's first at η
 *
 * @param t Step of the stage, 0 ≤ t < w.
 * @see the second: GradualWarmup of https://github.com/ceshine/pytorch-helper-bot, PyTorch's `LinearLR` with
 *   start_factor 1 / M
 */
export function warmupLr(t: number, w: number, lr: number, divisor: number | null): number {
  return divisor === null ? (lr * (t + 1)) / w : (lr / divisor) * ((divisor - 1) * (t / w) + 1)
}
