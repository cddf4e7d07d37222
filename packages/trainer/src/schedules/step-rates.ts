import { assertNever } from '@baton/contracts'
import type { Landing, LoopState, ScheduleSpec } from '@baton/contracts'
import type { StepRates } from '../optimizers/optimizer.ts'
import { landingProgress } from './landing.ts'
import { oneCycle } from './one-cycle.ts'
import { plateauLr } from './plateau.ts'
import { progressOver } from './progress-over.ts'
import { warmupLr, warmupStepsOf } from './warm-up.ts'

/** Where a stage stands, for its schedule. */
export interface StageTime {
  /** Optimizer steps done in this stage: 0-based number of the next one. */
  readonly stageStep: number
  /** Optimizer steps of the whole stage; null where it lasts so many hours. */
  readonly totalSteps: number | null
  readonly stepsPerEpoch: number
  /** The decision on the end that holds, where the stage lasts so many hours; null before the first. */
  readonly landing: Landing | null
  /** How often the rate of `plateau` has dropped. */
  readonly drops: number
}

type Schedule<Name> = ScheduleSpec & { name: Name }

interface Range {
  readonly lr: number
  readonly lrMin: number
}

/** lr + (lrMin − lr) p; over p = (t − w)/(T − w) it is PyTorch's `LinearLR` with end_factor lrMin / lr. */
function linearLr(p: number, { lr, lrMin }: Range): number {
  return lr + (lrMin - lr) * p
}

/**
 * lrMin + ½ (lr − lrMin) (1 + cos πp); over p = (t − w)/(T − w) it is PyTorch's `CosineAnnealingLR`.
 * @see SGDR, Eq. 5, https://arxiv.org/abs/1608.03983
 */
function cosineLr(p: number, { lr, lrMin }: Range): number {
  return lrMin + 0.5 * (lr - lrMin) * (1 + Math.cos(Math.PI * p))
}

/**
 * Cosine cycles one after another, the k-th cycleFactorᵏ times as long as the first; each begins at lr anew. PyTorch's
 * `CosineAnnealingWarmRestarts`. A cycle that the stage's end cuts off does not come to lrMin.
 * @see SGDR, Eq. 5, https://arxiv.org/abs/1608.03983
 */
function cosineRestartsLr(
  t: number,
  start: number,
  stepsPerEpoch: number,
  schedule: Schedule<'cosine-restarts'>,
): number {
  const { cycleEpochs, cycleFactor } = schedule
  let length = cycleEpochs * stepsPerEpoch
  let within = t - start
  if (cycleFactor === 1) within %= length
  else for (; within >= length; length *= cycleFactor) within -= length
  return cosineLr(within / length, schedule)
}

/** lr(t) = lr · factor^⌊epoch / everyEpochs⌋, epochs counted from the stage's first step. PyTorch's `StepLR`. */
function stepLr(t: number, stepsPerEpoch: number, { lr, everyEpochs, factor }: Schedule<'step'>): number {
  return lr * factor ** Math.floor(Math.floor(t / stepsPerEpoch) / everyEpochs)
}

/**
 * From lr / ratio straight up to lr at p = peakAt, and straight down to lr / ratio at p = 1. One cycle of PyTorch's
 * `CyclicLR`.
 * @see the slanted triangle of ULMFiT, Eq. 3, https://arxiv.org/abs/1801.06146
 */
function triangularLr(p: number, { lr, ratio, peakAt }: Schedule<'triangular'>): number {
  const low = lr / ratio
  return p < peakAt ? low + ((lr - low) * p) / peakAt : lr + ((low - lr) * (p - peakAt)) / (1 - peakAt)
}

/**
 * The schedule itself, without its warm-up, at the steps w to T of its stage. Where the hours decide, T is not known, and
 * only schedules without it come here.
 */
function scheduledRates(schedule: ScheduleSpec, time: StageTime, w: number): StepRates {
  const { stageStep: t, totalSteps: T, stepsPerEpoch, landing, drops } = time
  const p = progressOver(t, w, T ?? Infinity)
  switch (schedule.name) {
    case 'constant':
      return { lr: schedule.lr }
    case 'linear':
      return { lr: linearLr(p, schedule) }
    case 'cosine':
      return { lr: cosineLr(p, schedule) }
    case 'cosine-restarts':
      return { lr: cosineRestartsLr(t, w, stepsPerEpoch, schedule) }
    case 'step':
      return { lr: stepLr(t, stepsPerEpoch, schedule) }
    case 'triangular':
      return { lr: triangularLr(p, schedule) }
    case 'one-cycle':
      return oneCycle(p, schedule)
    case 'plateau':
      return { lr: plateauLr(schedule, drops) }
    case 'budget':
      return { lr: (schedule.shape === 'cosine' ? cosineLr : linearLr)(landingProgress(t, landing, w), schedule) }
    default:
      return assertNever(schedule)
  }
}

/**
 * Rates of one optimizer step, as a pure function of where its stage stands: the warm-up over the steps 0 to w, then the
 * schedule over the steps w to T.
 *
 * It keeps no state, so a stage resumed at any step repeats the curve of one that never stopped. A warm-up that is
 * longer than the stage is cut off with it.
 *
 * @returns `lr` in (0, lr of the schedule], or 0 where lrMin is.
 */
export function stepRates(schedule: ScheduleSpec, time: StageTime): StepRates {
  const { stageStep: t, stepsPerEpoch } = time
  const w = warmupStepsOf(schedule, stepsPerEpoch)
  if (t >= w) return scheduledRates(schedule, time, w)
  // Its first rate, also where the stage ends before it comes to that.
  const first = scheduledRates(schedule, { ...time, stageStep: w, totalSteps: Infinity, landing: null }, w)
  return { ...first, lr: warmupLr(t, w, first.lr, schedule.warmupDivisor) }
}

/** The part of a stage's time that is state. */
export function timeOf({ hours, plateau }: LoopState): Pick<StageTime, 'landing' | 'drops'> {
  return { landing: hours?.landings.at(-1) ?? null, drops: plateau?.drops ?? 0 }
}
