import { StageSpec } from '@baton/contracts'
import type { LoopState, Position } from '@baton/contracts'
import { expect, test } from 'vitest'
import { afterStage, afterStep, firstPosition, firstState, judge, totalStepsOf, undecidedMs } from './loop-state.ts'

const plan = { batch: 8, stepsPerEpoch: 3, totalSteps: 15 }
const aStage = (changes: object) =>
  StageSpec.parse({ name: 'all', epochs: 5, schedule: { name: 'constant', lr: 0.1 }, ...changes })
const stage = aStage({})
const byHours = aStage({ epochs: undefined, hours: 2 })
const at = (stageStep: number): Position => ({ step: stageStep, stage: 0, stageStep, epoch: Math.floor(stageStep / 3) })
const earlyStop = { patience: 2, minGain: 0.01 }

/** Judges one score after another, each an epoch later. */
function judgeAll(scores: number[], stop: typeof earlyStop | null = earlyStop) {
  let state = firstState(stage)
  return scores.map((score, i) => {
    const verdict = judge(state, score, at((i + 1) * 3), { plan, stage, earlyStop: stop })
    state = verdict.state
    return verdict
  })
}

test('steps count up through epochs of the stage', () => {
  let position = firstPosition
  for (let i = 0; i < 7; i++) position = afterStep(position, plan)
  expect(position).toEqual({ step: 7, stage: 0, stageStep: 7, epoch: 2 })
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
  const best = { score: 1, step: 6 }
  const state: LoopState = { ...firstState(byHours), best, evaluationsWithoutGain: 2, stoppedEarly: true }
  const next = aStage({ schedule: { name: 'plateau', lr: 0.1 } })
  expect(afterStage(at(12), state, [byHours, next])).toEqual({
    position: { step: 12, stage: 1, stageStep: 0, epoch: 0 },
    state: { ...firstState(next), best },
  })
  expect(afterStage(at(12), state, [byHours])).toEqual({ position: at(12), state: { ...state, trained: true } })
})

test('the number of steps shrinks with what early stopping saved', () => {
  const plans = [plan, { ...plan, totalSteps: 30 }]
  const state = firstState(stage)
  expect(totalStepsOf(at(4), state, plans)).toBe(45)
  expect(totalStepsOf({ step: 6, stage: 1, stageStep: 0, epoch: 0 }, state, plans)).toBe(36)
  expect(totalStepsOf({ step: 20, stage: 1, stageStep: 14, epoch: 4 }, { ...state, trained: true }, plans)).toBe(20)
})

test('a stage of so many hours counts the steps it did, then those decided on; what is undecided is time', () => {
  const plans = [{ ...plan, totalSteps: null }, plan, { ...plan, totalSteps: null }]
  const stages = [byHours, stage, aStage({ epochs: undefined, hours: 1 })]
  const state = firstState(byHours)
  const hours = { ...state.hours!, spentMs: 1_800_000 }
  expect(totalStepsOf(at(4), { ...state, hours }, plans)).toBe(4 + 15)
  expect(undecidedMs(at(4), { ...state, hours }, stages)).toBe((1.5 + 1) * 3_600_000)
  const decided = { ...state, hours: { ...hours, landings: [{ step: 4, spentMs: 1, progress: 0, end: 100 }] } }
  expect(totalStepsOf(at(4), decided, plans)).toBe(100 + 15)
  expect(undecidedMs(at(4), decided, stages)).toBe(3_600_000)
})

test('where a plateau schedule may not drop again, the stage ends', () => {
  const onPlateau = aStage({ schedule: { name: 'plateau', lr: 0.1, patience: 1, maxDrops: 1 } })
  const measure = { plan, stage: onPlateau, earlyStop: null }
  const first = judge(firstState(onPlateau), 0.5, at(3), measure)
  const second = judge(first.state, 0.5, at(6), measure)
  const third = judge(second.state, 0.5, at(9), measure)
  expect([first, second, third].map(({ dropsRate }) => dropsRate)).toEqual([false, true, false])
  expect([first, second, third].map(({ isStageOver }) => isStageOver)).toEqual([false, false, true])
  expect(third.state).toMatchObject({ stoppedEarly: true, plateau: { drops: 1 } })
})
