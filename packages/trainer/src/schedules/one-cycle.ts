import type { ScheduleSpec } from '@baton/contracts'
import type { StepRates } from '../optimizers/optimizer.ts'

type OneCycle = ScheduleSpec & { name: 'one-cycle' }

/** From `start` to `end` along half a cosine. @param p Part of the way, 0 to 1. */
function cosineBetween(start: number, end: number, p: number): number {
  return start + ((end - start) * (1 - Math.cos(Math.PI * p))) / 2
}

/**
 * One cycle: half a cosine from lr / ratio up to lr at p = peakAt, and half a one down to lr / endRatio at p = 1; the
 * momentum goes the other way, from its first value down to its second, and back.
 *
 * As fastai has it. PyTorch's `OneCycleLR` with total_steps T + 1 and pct_start (peakAt · T + 1) / (T + 1) is the same:
 * its phases end a step earlier, and its final_div_factor is endRatio / ratio.
 *
 * @param p Part of the stage that lies behind, 0 to 1.
 * @see Smith, Topin: Super-Convergence, section 4, https://arxiv.org/abs/1708.07120;
 *   `fit_one_cycle` of https://github.com/fastai/fastai
 */
export function oneCycle(p: number, { lr, ratio, peakAt, endRatio, momentum }: OneCycle): StepRates {
  const isRising = p < peakAt
  const part = isRising ? p / peakAt : (p - peakAt) / (1 - peakAt)
  const rate = isRising ? cosineBetween(lr / ratio, lr, part) : cosineBetween(lr, lr / endRatio, part)
  if (momentum === null) return { lr: rate }
  const [high, low] = momentum
  return { lr: rate, momentum: isRising ? cosineBetween(high, low, part) : cosineBetween(low, high, part) }
}
