import { assertNever } from '@baton/contracts'
import type { ScheduleSpec } from '@baton/contracts'

/** Where a stage stands, for its schedule. */
export interface StageTime {
  /** Optimizer steps done in this stage: 0-based number of the next one. */
  readonly stageStep: number
  /** Optimizer steps of the whole stage. */
  readonly totalSteps: number
  readonly stepsPerEpoch: number
}

type Schedule<Name> = ScheduleSpec & { name: Name }

/** Part of the way from start to end that lies behind t; 1 from the end on, and where there is no way. */
function progress(t: number, start: number, end: number): number {
  return t >= end ? 1 : (t - start) / (end - start)
}

/** lr(t) = lr + (lrMin − lr) · (t − w)/(T − w); lrMin from t = T on. PyTorch's `LinearLR` with end_factor lrMin / lr. */
function linearLr(t: number, T: number, { lr, lrMin, warmupSteps: w }: Schedule<'linear'>): number {
  return lr + (lrMin - lr) * progress(t, w, T)
}

/**
 * lr(t) = lrMin + ½ (lr − lrMin) (1 + cos π·(t − w)/(T − w)); lrMin from t = T on.
 * @see SGDR, Eq. 5, https://arxiv.org/abs/1608.03983
 */
function cosineLr(t: number, T: number, { lr, lrMin, warmupSteps: w }: Schedule<'cosine'>): number {
  return lrMin + 0.5 * (lr - lrMin) * (1 + Math.cos(Math.PI * progress(t, w, T)))
}

/** lr(t) = lr · factor^⌊epoch / everyEpochs⌋, epochs counted from the stage's first step. PyTorch's `StepLR`. */
function stepLr(t: number, stepsPerEpoch: number, { lr, everyEpochs, factor }: Schedule<'step'>): number {
  return lr * factor ** Math.floor(Math.floor(t / stepsPerEpoch) / everyEpochs)
}

/**
 * From lr / ratio straight up to lr at w + peakAt · (T − w), and straight down to lr / ratio at T.
 * @see the slanted triangle of ULMFiT, Eq. 3, https://arxiv.org/abs/1801.06146
 */
function triangularLr(t: number, T: number, schedule: Schedule<'triangular'>): number {
  const { lr, ratio, peakAt, warmupSteps: w } = schedule
  const low = lr / ratio
  const peak = w + peakAt * (T - w)
  return t < peak ? low + (lr - low) * progress(t, w, peak) : lr + (low - lr) * progress(t, peak, T)
}

/**
 * Learning rate of one optimizer step, as a pure function of where its stage stands.
 *
 *   lr(t) = lr · (t + 1)/w for t < w, the linear warm-up; then the schedule, over the steps w to T
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
  if (t < schedule.warmupSteps) return (schedule.lr * (t + 1)) / schedule.warmupSteps
  switch (schedule.name) {
    case 'constant':
      return schedule.lr
    case 'linear':
      return linearLr(t, T, schedule)
    case 'cosine':
      return cosineLr(t, T, schedule)
    case 'step':
      return stepLr(t, stepsPerEpoch, schedule)
    case 'triangular':
      return triangularLr(t, T, schedule)
    default:
      return assertNever(schedule)
  }
}
