import type { EarlyStopSpec, LoopState, Position, ScheduleSpec, StageSpec } from '@baton/contracts'
import type { StagePlan } from '../data/batches.ts'
import { freshPlateau, weighPlateau } from '../schedules/plateau.ts'
import { endOf } from './cadence.ts'
import { freshHours } from './stage-hours.ts'

type Plateau = ScheduleSpec & { name: 'plateau' }

/** Where and how a training begins. */
export const firstPosition: Position = { step: 0, stage: 0, stageStep: 0, epoch: 0 }
export function firstState(stage: StageSpec): LoopState {
  return { best: null, trained: false, predictBatch: null, ...stateOfStage(stage) }
}

/** The part of the state that begins anew in each stage. */
function stateOfStage({ hours, schedule }: StageSpec): Omit<LoopState, 'best' | 'trained' | 'predictBatch'> {
  return {
    evaluationsWithoutGain: 0,
    stoppedEarly: false,
    hours: hours === undefined ? null : freshHours,
    plateau: schedule.name === 'plateau' ? freshPlateau : null,
    accumulate: null,
  }
}

/** The position after one more step. `epoch` counts within the stage. */
export function afterStep({ step, stage, stageStep }: Position, { stepsPerEpoch }: StagePlan): Position {
  const done = stageStep + 1
  return { step: step + 1, stage, stageStep: done, epoch: Math.floor(done / stepsPerEpoch) }
}

/** What an evaluation changes. */
export interface Verdict {
  readonly state: LoopState
  /** The score is the best so far: these weights are to be kept. Of equal scores the earlier is the best. */
  readonly isBest: boolean
  /** The stage ends here: it is through, or nothing has been gained for too long. */
  readonly isStageOver: boolean
  /** The rate of a `plateau` schedule drops here. */
  readonly dropsRate: boolean
}

/** What an evaluation is weighed by. */
export interface Measure {
  readonly plan: StagePlan
  readonly stage: StageSpec
  readonly earlyStop: EarlyStopSpec | null
}

/**
 * Weighs an evaluation's score.
 *
 * It gains if it beats the best so far by at least `minGain`. The best is of the whole training; evaluations without gain
 * are counted in each stage anew.
 *
 * @param score Higher is better.
 */
export function judge(
  state: LoopState,
  score: number,
  { step, stageStep }: Position,
  { plan, stage, earlyStop }: Measure,
): Verdict {
  const { best } = state
  const isBest = best === null || score > best.score
  const isGain = best === null || (isBest && score - best.score >= (earlyStop?.minGain ?? 0))
  const evaluationsWithoutGain = isGain ? 0 : state.evaluationsWithoutGain + 1
  const isThrough = stageStep >= endOf(plan, state)
  const plateau = state.plateau && weighPlateau(state.plateau, score, stage.schedule as Plateau)
  const isStuck = (earlyStop !== null && evaluationsWithoutGain >= earlyStop.patience) || plateau?.isOver === true
  const stoppedEarly = !isThrough && isStuck
  return {
    state: {
      ...state,
      best: isBest ? { score, step } : best,
      evaluationsWithoutGain,
      stoppedEarly,
      plateau: plateau?.state ?? null,
    },
    isBest,
    isStageOver: isThrough || stoppedEarly,
    dropsRate: plateau?.drops === true,
  }
}

/** Goes on to the next stage; after the last one, training is over and the position stays. */
export function afterStage(
  position: Position,
  state: LoopState,
  stages: readonly StageSpec[],
): { position: Position; state: LoopState } {
  const { step, stage } = position
  const next = stages[stage + 1]
  if (!next) return { position, state: { ...state, trained: true } }
  return {
    position: { step, stage: stage + 1, stageStep: 0, epoch: 0 },
    state: { ...state, ...stateOfStage(next) },
  }
}

/**
 * Steps of the whole training, as far as is known at this position: stages that stopped early count what they did, those
 * of so many hours what they did until their end is decided.
 */
export function totalStepsOf(
  { step, stage, stageStep }: Position,
  state: LoopState,
  plans: readonly StagePlan[],
): number {
  if (state.trained) return step
  const end = endOf(plans[stage]!, state)
  const before = step - stageStep + (end === Infinity ? stageStep : end)
  return plans.slice(stage + 1).reduce((sum, { totalSteps }) => sum + (totalSteps ?? 0), before)
}

/** Training time of stages whose end is not decided yet: what `totalStepsOf` does not know of. */
export function undecidedMs({ stage }: Position, state: LoopState, stages: readonly StageSpec[]): number {
  if (state.trained) return 0
  const { hours } = state
  const ownMs = hours?.landings.length === 0 ? Math.max(0, limitMsOf(stages[stage]!) - hours.spentMs) : 0
  return stages.slice(stage + 1).reduce((sum, next) => sum + limitMsOf(next), ownMs)
}

/** The hours that a stage lasts, 0 where it lasts by something else. */
export function limitMsOf({ hours = 0 }: StageSpec): number {
  return hours * 3_600_000
}
