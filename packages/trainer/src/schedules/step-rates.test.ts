import { readFile } from 'node:fs/promises'
import { ScheduleSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { freshPlateau, weighPlateau } from './plateau.ts'
import { stepRates } from './step-rates.ts'
import type { StageTime } from './step-rates.ts'

/** One of each, by what it cannot do without. */
const schedules = [
  { name: 'constant' },
  { name: 'linear' },
  { name: 'cosine' },
  { name: 'cosine-restarts', cycleEpochs: 1.5 },
  { name: 'step', everyEpochs: 2 },
  { name: 'triangular' },
  { name: 'one-cycle' },
  { name: 'plateau' },
].map((schedule) => ScheduleSpec.parse({ lr: 0.4, ...schedule }))

type Lengths = Pick<StageTime, 'stageStep' | 'totalSteps' | 'stepsPerEpoch'>
const learningRate = (schedule: ScheduleSpec, lengths: Lengths) =>
  stepRates(schedule, { ...lengths, landing: null, drops: 0 }).lr

function curve(schedule: Record<string, unknown>, steps: number[], totalSteps: number, stepsPerEpoch = 1): number[] {
  const spec = ScheduleSpec.parse(schedule)
  return steps.map((stageStep) => learningRate(spec, { stageStep, totalSteps, stepsPerEpoch }))
}

function expectCurve(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((lr, i) => expect(lr).toBeCloseTo(expected[i]!, 12))
}

const { cases, oneCycleMomentum, scores, plateaus, ...lengths } = JSON.parse(
  await readFile(new URL('./fixtures/pytorch.json', import.meta.url), 'utf8'),
) as {
  totalSteps: number
  stepsPerEpoch: number
  cases: { schedule: { name: string }; rates: number[] }[]
  oneCycleMomentum: number[]
  scores: number[]
  plateaus: { schedule: object; rates: number[] }[]
}

test.each(cases)('$schedule.name has the rates of PyTorch’s scheduler', ({ schedule, rates }) => {
  const steps = rates.map((_, i) => i)
  expectCurve(curve(schedule, steps, lengths.totalSteps, lengths.stepsPerEpoch), rates)
})

test('one-cycle moves the momentum against the rate, as PyTorch does', () => {
  const { schedule } = cases.find((one) => one.schedule.name === 'one-cycle')!
  const momenta = (changes: object) =>
    oneCycleMomentum.map(
      (_, stageStep) =>
        stepRates(ScheduleSpec.parse({ ...schedule, ...changes }), { ...lengths, stageStep, landing: null, drops: 0 })
          .momentum,
    )
  expectCurve(momenta({}) as number[], oneCycleMomentum)
  expect(new Set(momenta({ momentum: null }))).toEqual(new Set([undefined]))
})

test.each(plateaus)('plateau drops the rate where PyTorch does, %#', ({ schedule, rates }) => {
  const spec = ScheduleSpec.parse(schedule) as ScheduleSpec & { name: 'plateau' }
  let state = freshPlateau
  const dropped = scores.map((score) => {
    state = weighPlateau(state, score, spec).state
    return stepRates(spec, { ...lengths, stageStep: 0, landing: null, drops: state.drops }).lr
  })
  expectCurve(dropped, rates)
  expect(state.drops).toBeGreaterThan(0)
})

test('budget falls from lr to lrMin by the decision on the end that holds, wherever that moves', () => {
  const spec = ScheduleSpec.parse({ name: 'budget', lr: 1, lrMin: 0.2, shape: 'linear', warmupSteps: 2 })
  const at = (stageStep: number, landing: StageTime['landing']) =>
    stepRates(spec, { stageStep, totalSteps: null, stepsPerEpoch: 4, landing, drops: 0 }).lr
  const first = { step: 4, spentMs: 1, progress: 0, end: 12 }
  expectCurve(
    [0, 1, 2, 3, 4].map((t) => at(t, null)),
    [0.5, 1, 1, 1, 1],
  )
  expectCurve(
    [4, 6, 8, 12, 13].map((t) => at(t, first)),
    [1, 0.8, 0.6, 0.2, 0.2],
  )
  const second = { step: 8, spentMs: 2, progress: 0.5, end: 24 }
  expectCurve(
    [8, 16, 24].map((t) => at(t, second)),
    [0.6, 0.4, 0.2],
  )
})

test('constant stays', () => {
  expectCurve(curve({ name: 'constant', lr: 0.1 }, [0, 5, 9], 10), [0.1, 0.1, 0.1])
})

test('linear falls evenly from lr to lrMin', () => {
  expectCurve(curve({ name: 'linear', lr: 1, lrMin: 0.2 }, [0, 1, 4, 8], 8), [1, 0.9, 0.6, 0.2])
})

test('cosine passes its closed values at the eighths of the circle', () => {
  const quarter = 0.2 + (0.8 * (2 + Math.SQRT2)) / 4
  const threeQuarters = 0.2 + (0.8 * (2 - Math.SQRT2)) / 4
  expectCurve(curve({ name: 'cosine', lr: 1, lrMin: 0.2 }, [0, 2, 4, 6, 8], 8), [1, quarter, 0.6, threeQuarters, 0.2])
})

test('step multiplies by its factor after every so many epochs', () => {
  const steps = [0, 5, 6, 11, 12]
  expectCurve(curve({ name: 'step', lr: 1, everyEpochs: 2, factor: 0.5 }, steps, 18, 3), [1, 1, 0.5, 0.5, 0.25])
})

test('triangular rises to lr after its part of the steps and falls back', () => {
  const expected = [0.01, 0.505, 1, 0.7525, 0.01]
  expectCurve(curve({ name: 'triangular', lr: 1, ratio: 100, peakAt: 0.2 }, [0, 1, 2, 4, 10], 10), expected)
})

test.each(schedules)('$name warms up in even steps to its first rate, then runs over the steps left', (schedule) => {
  const warm = { ...schedule, warmupSteps: 4 }
  const first = learningRate(schedule, { stageStep: 0, totalSteps: 8, stepsPerEpoch: 4 })
  const at = (stageStep: number) => learningRate(warm, { stageStep, totalSteps: 12, stepsPerEpoch: 4 })
  expectCurve(
    [0, 1, 2, 3].map(at),
    [1, 2, 3, 4].map((part) => (first * part) / 4),
  )
  // Its epochs are those of the stage, warm-up or not.
  if (schedule.name === 'step') return
  const shifted = [4, 5, 8, 11].map(at)
  expectCurve(
    shifted,
    [0, 1, 4, 7].map((stageStep) => learningRate(schedule, { stageStep, totalSteps: 8, stepsPerEpoch: 4 })),
  )
})

test('a warm-up with a divisor starts there, and its length may be said in epochs', () => {
  const warm = { name: 'constant', lr: 1, warmupDivisor: 5 }
  const expected = [0.2, 0.4, 0.6, 0.8, 1, 1]
  expectCurve(curve({ ...warm, warmupSteps: 4 }, [0, 1, 2, 3, 4, 5], 8, 4), expected)
  expectCurve(curve({ ...warm, warmupEpochs: 0.5 }, [0, 1, 2, 3, 4, 5], 16, 8), expected)
})

test.each(schedules)('$name gives a finite rate from 0 to lr everywhere, in stages of any length', (schedule) => {
  for (const totalSteps of [1, 2, 7])
    for (const warmupSteps of [0, 1, 7, 20])
      for (let stageStep = 0; stageStep <= totalSteps; stageStep++) {
        const lr = learningRate({ ...schedule, warmupSteps }, { stageStep, totalSteps, stepsPerEpoch: 1 })
        expect((stageStep === totalSteps ? lr >= 0 : lr > 0) && lr <= schedule.lr * (1 + 1e-12)).toBe(true)
      }
})
