import { EvaluateSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { evaluationInterval, evaluationsBefore, isEvaluationDue } from './cadence.ts'

const plan = { batch: 8, stepsPerEpoch: 3, totalSteps: 15 }
const at = (stageStep: number) => ({ step: stageStep, stage: 0, stageStep, epoch: Math.floor(stageStep / 3) })

test('an evaluation is due after every so many epochs or steps and at the end, never before the first step', () => {
  const due = (cadence: { everyEpochs?: number; everySteps?: number }) => {
    const evaluate = EvaluateSpec.parse(cadence)
    const steps = Array.from({ length: 16 }, (_, step) => step).filter((step) =>
      isEvaluationDue(at(step), plan, evaluate, 15),
    )
    expect(evaluationsBefore(15, evaluationInterval(plan, evaluate)) + 1).toBe(steps.length)
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
