import { assertNever } from '@baton/contracts'
import type { ScheduleSpec } from '@baton/contracts'
import { warmupLr, warmupStepsOf } from './warm-up.ts'

/** Where a stage stands, for its schedule. */
export interface StageTime {
  /** Optimizer steps done in this stage: 0-based number of the next one. */
  readonly stageStep: number
  /** Optimizer steps of the whole stage. */
  readonly totalSteps: number
  readonly stepsPerEpoch: number
}

/** The part of a stage that a schedule runs over: the steps `start` to `end`, `start` being the end of the warm-up. */
interface Span {
  readonly start: number
  readonly end: number
}

type Schedule<Name> = ScheduleSpec & { name: Name }

/** Part of the way from start to end that lies behind t; 1 from the end on, and where there is no way. */
function progress(t: number, { start, end }: Span): number {
  return t >= end ? 1 : (t - start) / (end - start)
}

/** lr(t) = lr + (lrMin − lr) · (t − w)/(T − w); lrMin from t = T on. PyTorch's `LinearLR` with end_factor lrMin / lr. */
function linearLr(t: number, span: Span, { lr, lrMin }: Schedule<'linear'>): number {
  return lr + (lrMin - lr) * progress(t, span)
}

/**
 * lr(t) = lrMin + ½ (lr − lrMin) (1 + cos π·(t − w)/(T − w)); lrMin from t = T on. PyTorch's `CosineAnnealingLR`.
 * @see SGDR, Eq. 5, https://arxiv.org/abs/1608.03983
 */
function cosineLr(t: number, span: Span, { lr, lrMin }: { lr: number; lrMin: number }): number {
  return lrMin + 0.5 * (lr - lrMin) * (1 + Math.cos(Math.PI * progress(t, span)))
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
  return cosineLr(within, { start: 0, end: length }, schedule)
}

/** lr(t) = lr · factor^⌊epoch / everyEpochs⌋, epochs counted from the stage's first step. PyTorch's `StepLR`. */
function stepLr(t: number, stepsPerEpoch: number, { lr, everyEpochs, factor }: Schedule<'step'>): number {
  return lr * factor ** Math.floor(Math.floor(t / stepsPerEpoch) / everyEpochs)
}

/**
 * From lr / ratio straight up to lr at w + peakAt · (T − w), and straight down to lr / ratio at T. One cycle of
 * PyTorch's `CyclicLR`.
 * @see the slanted triangle of ULMFiT, Eq. 3, https://arxiv.org/abs/1801.06146
 */
function triangularLr(t: number, { start, end }: Span, { lr, ratio, peakAt }: Schedule<'triangular'>): number {
  const low = lr / ratio
  const peak = start + peakAt * (end - start)
  if (t < peak) return low + (lr - low) * progress(t, { start, end: peak })
  return lr + (low - lr) * progress(t, { start: peak, end })
}

/**
 * Learning rate of one optimizer step, as a pure function of where its stage stands: the warm-up over the steps 0 to w,
 * then the schedule over the steps w to T.
 *
 * It keeps no state, so a stage resumed at any step repeats the curve of one that never stopped. A warm-up that is
 * longer than the stage is cut off with it.
 *
 * @returns In (0, lr], or lrMin where that is 0.
 */
export function learningRate(
  schedule: ScheduleSpec,
  { stageStep: t, totalSteps: T, stepsPerEpoch }: StageTime,
): number {
  const w = warmupStepsOf(schedule, stepsPerEpoch)
  if (t < w) return warmupLr(t, w, schedule)
  const span = { start: w, end: T }
  switch (schedule.name) {
    case 'constant':
      return schedule.lr
    case 'linear':
      return linearLr(t, span, schedule)
    case 'cosine':
      return cosineLr(t, span, schedule)
    case 'cosine-restarts':
      return cosineRestartsLr(t, w, stepsPerEpoch, schedule)
    case 'step':
      return stepLr(t, stepsPerEpoch, schedule)
    case 'triangular':
      return triangularLr(t, span, schedule)
    default:
      return assertNever(schedule)
  }
}
