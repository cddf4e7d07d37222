import type { Landing, StageHours } from '@baton/contracts'
import { evaluationsBefore } from './cadence.ts'

export const freshHours: StageHours = { spentMs: 0, stepMs: null, evaluationMs: 0, landings: [] }

/** Steps after which a pace is believed: the first ones of a stage or a session say little. */
const pilotSteps = 16
/** A session's pace is the mean of about so many steps. */
const paceSteps = 256
/** An end is decided anew where it would come by more than this part of what is left, and by more than a step. */
const tolerance = 0.05

/** The time of one step. */
export interface Lap {
  /** From the end of the step before, the evaluation between them included. */
  readonly ms: number
  /** The evaluation's; null where there was none. */
  readonly evaluationMs: number | null
  /** What a step takes at this session's pace; null before it is believed. */
  readonly paceMs: number | null
}

/** Measures steps from now on; evaluations are not part of the pace, nor is the first step, which compiles. */
export function watchLaps(clock: { now(): number }): (evaluationMs: number | null) => Lap {
  let lastMs = clock.now()
  let laps = 0
  let paceMs = 0
  return (evaluationMs) => {
    const nowMs = clock.now()
    const ms = nowMs - lastMs
    lastMs = nowMs
    if (laps > 0) paceMs += (ms - (evaluationMs ?? 0) - paceMs) / Math.min(laps, paceSteps)
    laps++
    return { ms, evaluationMs, paceMs: laps > pilotSteps ? paceMs : null }
  }
}

/**
 * Counts the time of a step. What was done in vain, because a session died or an evaluation was cut off, is not counted.
 *
 * @param stageStep Steps of the stage done, this one included.
 */
export function spend(hours: StageHours, { ms, evaluationMs, paceMs }: Lap, stageStep: number): StageHours {
  const ownMs = ms - (evaluationMs ?? 0)
  const before = hours.stepMs ?? 0
  const meanMs = stageStep <= pilotSteps ? before + (ownMs - before) / stageStep : before
  return {
    ...hours,
    spentMs: hours.spentMs + ms,
    stepMs: paceMs ?? meanMs,
    evaluationMs: evaluationMs ?? hours.evaluationMs,
  }
}

export interface StageBudget {
  readonly limitMs: number
  /** Steps from one evaluation to the next. */
  readonly evaluationInterval: number
  /** Part of the schedule that lies behind a step, by the decision that holds. */
  readonly progressAt: (stageStep: number) => number
}

/**
 * Decides where a stage ends, so that it and its last evaluation are over when its hours are: after its first steps, and
 * again when the pace says another end than the decision that holds. From one decision to the next every rate of the
 * stage is fixed.
 *
 * @param stageStep Steps of the stage done, at least 1.
 * @returns Null where the decision that holds still does, or none can be made yet.
 */
export function decideLanding(hours: StageHours, stageStep: number, budget: StageBudget): Landing | null {
  const held = hours.landings.at(-1)
  const leftMs = budget.limitMs - hours.spentMs
  if (!held && stageStep < pilotSteps && leftMs > 0) return null
  const end = stageStep + stepsWithin(leftMs, hours, stageStep, budget.evaluationInterval)
  if (held && Math.abs(end - held.end) <= Math.max(1, tolerance * (held.end - stageStep))) return null
  return { step: stageStep, spentMs: hours.spentMs, progress: budget.progressAt(stageStep), end }
}

/** Most steps that fit with the evaluations that are due on the way and the one at the end. */
function stepsWithin(
  leftMs: number,
  { stepMs, evaluationMs }: StageHours,
  stageStep: number,
  interval: number,
): number {
  // A clock that stands still must not make a stage endless.
  const paceMs = Math.max(stepMs ?? 0, 0.001)
  const due = (end: number) => evaluationsBefore(end, interval) - evaluationsBefore(stageStep, interval) + 1
  const takesMs = (steps: number) => steps * paceMs + due(stageStep + steps) * evaluationMs
  let [fits, over] = [0, Math.max(0, Math.floor(leftMs / paceMs)) + 1]
  while (over - fits > 1) {
    const middle = Math.floor((fits + over) / 2)
    if (takesMs(middle) <= leftMs) fits = middle
    else over = middle
  }
  return fits
}
