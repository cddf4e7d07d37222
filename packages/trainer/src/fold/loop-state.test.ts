import { EvaluateSpec } from '@baton/contracts'
import type { LoopState, Position } from '@baton/contracts'
import { expect, test } from 'vitest'
import {
  afterStage,
  afterStep,
  evaluationsOf,
  firstPosition,
  firstState,
  isEvaluationDue,
  judge,
  totalStepsOf,
} from './loop-state.ts'

const plan = { batch: 8, stepsPerEpoch: 3, totalSteps: 15 }
const at = (stageStep: number): Position => ({ step: stageStep, stage: 0, stageStep, epoch: Math.floor(stageStep / 3) })
const earlyStop = { patience: 2, minGain: 0.01 }

/** Judges one score after another, each an epoch later. */
function judgeAll(scores: number[], stop: typeof earlyStop | null = earlyStop) {
  let state = firstState
  return scores.map((score, i) => {
    const verdict = judge(state, score, at((i + 1) * 3), plan, stop)
    state = verdict.state
    return verdict
  })
}

test('steps count up through epochs of the stage', () => {
  let position = firstPosition
  for (let i = 0; i < 7; i++) position = afterStep(position, plan)
  expect(position).toEqual({ step: 7, stage: 0, stageStep: 7, epoch: 2 })
})

test('an evaluation is due after every so many epochs or steps and at the end, never before the first step', () => {
  const due = (cadence: { everyEpochs?: number; everySteps?: number }) => {
    const evaluate = EvaluateSpec.parse(cadence)
    const steps = Array.from({ length: 16 }, (_, step) => step).filter((step) =>
      isEvaluationDue(at(step), plan, evaluate),
    )
    expect(evaluationsOf(plan, evaluate)).toBe(steps.length)
    return steps
  }
  expect(due({})).toEqual([3, 6, 9, 12, 15])
  expect(due({ everyEpochs: 2 })).toEqual([6, 12, 15])
  expect(due({ everyEpochs: 100 })).toEqual([15])
  expect(due({ everyEpochs: 0.5 })).toEqual([2, 3, 5, 6, 8, 9, 11, 12, 14, 15])
  expect(due({ everyEpochs: 1.5 })).toEqual([5, 9, 14, 15])
  expect(due({ everyEpochs: 0.01 })).toEqual(Array.from({ length: 15 }, (_, i) => i + 1))
  expect(due({ everySteps: 4 })).toEqual([4, 8, 12, 15])
  expect(due({ everySteps: 5 })).toEqual([5, 10, 15])
})

test('the best score is kept; of equal ones the earlier', () => {
  const verdicts = judgeAll([0.5, 0.5, 0.6, 0.55], null)
  expect(verdicts.map(({ isBest }) => isBest)).toEqual([true, false, true, false])
  expect(verdicts.at(-1)!.state.best).toEqual({ score: 0.6, step: 9 })
  expect(verdicts.map(({ isStageOver }) => isStageOver)).toEqual([false, false, false, false])
})

test('a gain too small to count is still kept as the best', () => {
  const verdicts = judgeAll([0.5, 0.505, 0.509])
  expect(verdicts.map(({ isBest }) => isBest)).toEqual([true, true, true])
  expect(verdicts.map(({ state }) => state.evaluationsWithoutGain)).toEqual([0, 1, 2])
  expect(verdicts.at(-1)).toMatchObject({ isStageOver: true, state: { stoppedEarly: true } })
})

test('a stage stops early after so many evaluations without gain, and a gain starts the count again', () => {
  const verdicts = judgeAll([0.5, 0.4, 0.6, 0.6])
  expect(verdicts.map(({ state }) => state.evaluationsWithoutGain)).toEqual([0, 1, 0, 1])
  expect(verdicts.some(({ isStageOver }) => isStageOver)).toBe(false)
})

test('a stage that is through has not stopped early, even without gain', () => {
  const verdicts = judgeAll([0.5, 0.6, 0.7, 0.7, 0.7])
  expect(verdicts.at(-1)).toMatchObject({
    isStageOver: true,
    state: { stoppedEarly: false, evaluationsWithoutGain: 2 },
  })
})

test('the next stage starts at its first step with the best so far; after the last, training is over', () => {
  const state: LoopState = {
    best: { score: 1, step: 6 },
    evaluationsWithoutGain: 2,
    stoppedEarly: true,
    trained: false,
  }
  expect(afterStage(at(12), state, 2)).toEqual({
    position: { step: 12, stage: 1, stageStep: 0, epoch: 0 },
    state: { ...state, evaluationsWithoutGain: 0, stoppedEarly: false },
  })
  expect(afterStage(at(12), state, 1)).toEqual({ position: at(12), state: { ...state, trained: true } })
})

test('the number of steps shrinks with what early stopping saved', () => {
  const plans = [plan, { ...plan, totalSteps: 30 }]
  expect(totalStepsOf(at(4), firstState, plans)).toBe(45)
  expect(totalStepsOf({ step: 6, stage: 1, stageStep: 0, epoch: 0 }, firstState, plans)).toBe(36)
  expect(totalStepsOf({ step: 20, stage: 1, stageStep: 14, epoch: 4 }, { ...firstState, trained: true }, plans)).toBe(
    20,
  )
})
