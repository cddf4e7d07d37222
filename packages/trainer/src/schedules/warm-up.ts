import type { ScheduleSpec } from '@baton/contracts'

type Warmup = Pick<ScheduleSpec, 'lr' | 'warmupSteps' | 'warmupEpochs' | 'warmupDivisor'>

/** Length of the warm-up in whole steps. */
export function warmupStepsOf({ warmupSteps, warmupEpochs }: Warmup, stepsPerEpoch: number): number {
  return warmupSteps + Math.round(warmupEpochs * stepsPerEpoch)
}

/**
 * The rate rises in a straight line and is lr at step w, the first of the schedule or the last of the warm-up:
 *
 *   lr(t) = lr · (t + 1)/w                       without a divisor: the first step is one step above zero
 *   lr(t) = lr / M · ((M − 1) · t/w + 1)         with divisor M: the first step is at lr / M
 *
 * @param t Step of the stage, 0 ≤ t < w.
 * @see the second: GradualWarmup of https://github.com/ceshine/pytorch-helper-bot, PyTorch's `LinearLR` with
 *   start_factor 1 / M
 */
export function warmupLr(t: number, w: number, { lr, warmupDivisor: M }: Warmup): number {
  return M === null ? (lr * (t + 1)) / w : (lr / M) * ((M - 1) * (t / w) + 1)
}
