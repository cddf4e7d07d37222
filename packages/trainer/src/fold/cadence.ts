import type { EvaluateSpec, LoopState, Position } from '@baton/contracts'
import type { StagePlan } from '../data/batches.ts'

type Cadence = Pick<EvaluateSpec, 'everyEpochs' | 'everySteps'>

/** The step that a stage ends at; Infinity where it lasts so many hours and nothing is decided yet. */
export function endOf({ totalSteps }: StagePlan, { hours }: Pick<LoopState, 'hours'>): number {
  return totalSteps ?? hours?.landings.at(-1)?.end ?? Infinity
}

/**
 * Whether the steps done so far call for an evaluation before the next one: after every so many steps or epochs of a
 * stage, and at its end. The k-th is due after k · everyEpochs · stepsPerEpoch steps, rounded; more often than after
 * every step is not possible.
 *
 * @param end The step that the stage ends at, as far as is known.
 */
export function isEvaluationDue({ stageStep }: Position, plan: StagePlan, evaluate: Cadence, end: number): boolean {
  if (stageStep === 0) return false
  const interval = evaluationInterval(plan, evaluate)
  return stageStep === Math.round(Math.round(stageStep / interval) * interval) || stageStep >= end
}

/** Steps from one evaluation to the next, at least 1; a fraction where epochs have one. */
export function evaluationInterval({ stepsPerEpoch }: StagePlan, { everyEpochs, everySteps }: Cadence): number {
  return everySteps ?? Math.max(1, everyEpochs * stepsPerEpoch)
}

/** Evaluations that are due before a step by their interval alone: the k > 0 with k · interval < step − ½, which rounds to less. */
export function evaluationsBefore(step: number, interval: number): number {
  return Math.max(0, Math.ceil((step - 0.5) / interval) - 1)
}
