import type { EarlyStopSpec, EvaluateSpec, LoopState, Position } from '@baton/contracts'
import type { StagePlan } from '../data/batches.ts'

type Cadence = Pick<EvaluateSpec, 'everyEpochs' | 'everySteps'>

/** Where and how a training begins. */
export const firstPosition: Position = { step: 0, stage: 0, stageStep: 0, epoch: 0 }
export const firstState: LoopState = { best: null, evaluationsWithoutGain: 0, stoppedEarly: false, trained: false }

/** The position after one more step. `epoch` counts within the stage. */
export function afterStep({ step, stage, stageStep }: Position, { stepsPerEpoch }: StagePlan): Position {
  const done = stageStep + 1
  return { step: step + 1, stage, stageStep: done, epoch: Math.floor(done / stepsPerEpoch) }
}

/**
 * Whether the steps done so far call for an evaluation before the next one: after every so many steps or epochs of a
 * stage, and at its end. The k-th is due after k · everyEpochs · stepsPerEpoch steps, rounded; more often than after
 * every step is not possible.
 */
export function isEvaluationDue({ stageStep }: Position, plan: StagePlan, evaluate: Cadence): boolean {
  if (stageStep === 0) return false
  const interval = evaluationInterval(plan, evaluate)
  const nearest = Math.round(Math.round(stageStep / interval) * interval)
  return stageStep === nearest || stageStep === plan.totalSteps
}

/** Evaluations of a whole stage, the one at its end included. */
export function evaluationsOf(plan: StagePlan, evaluate: Cadence): number {
  // Those before the end are the k with k · interval < T − ½, since that is what rounds to less than T.
  return Math.ceil((plan.totalSteps - 0.5) / evaluationInterval(plan, evaluate))
}

/** Steps from one evaluation to the next, at least 1; a fraction where epochs have one. */
function evaluationInterval({ stepsPerEpoch }: StagePlan, { everyEpochs, everySteps }: Cadence): number {
  return everySteps ?? Math.max(1, everyEpochs * stepsPerEpoch)
}

/** What an evaluation changes. */
export interface Verdict {
  readonly state: LoopState
  /** The score is the best so far: these weights are to be kept. Of equal scores the earlier is the best. */
  readonly isBest: boolean
  /** The stage ends here: it is through, or nothing has been gained for too long. */
  readonly isStageOver: boolean
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
  position: Position,
  plan: StagePlan,
  earlyStop: EarlyStopSpec | null,
): Verdict {
  const { best } = state
  const isBest = best === null || score > best.score
  const isGain = best === null || (isBest && score - best.score >= (earlyStop?.minGain ?? 0))
  const evaluationsWithoutGain = isGain ? 0 : state.evaluationsWithoutGain + 1
  const isThrough = position.stageStep >= plan.totalSteps
  const stoppedEarly = !isThrough && earlyStop !== null && evaluationsWithoutGain >= earlyStop.patience
  return {
    state: {
      ...state,
      best: isBest ? { score, step: position.step } : best,
      evaluationsWithoutGain,
      stoppedEarly,
    },
    isBest,
    isStageOver: isThrough || stoppedEarly,
  }
}

/** Goes on to the next stage; after the last one, training is over and the position stays. */
export function afterStage(
  position: Position,
  state: LoopState,
  stages: number,
): { position: Position; state: LoopState } {
  const { step, stage } = position
  if (stage + 1 === stages) return { position, state: { ...state, trained: true } }
  return {
    position: { step, stage: stage + 1, stageStep: 0, epoch: 0 },
    state: { ...state, evaluationsWithoutGain: 0, stoppedEarly: false },
  }
}

/** Steps of the whole training, as far as is known at this position: stages that stopped early count what they did. */
export function totalStepsOf(
  { step, stage, stageStep }: Position,
  state: LoopState,
  plans: readonly StagePlan[],
): number {
  if (state.trained) return step
  return plans.slice(stage).reduce((sum, plan) => sum + plan.totalSteps, step - stageStep)
}
