import type { StageHours } from '@baton/contracts'
import { expect, test } from 'vitest'
import { landingProgress } from '../schedules/landing.ts'
import { decideLanding, freshHours, spend, watchLaps } from './stage-hours.ts'

const limitMs = 1_000_000
const evaluationInterval = 10

interface Machine {
  /** What a step takes, by its number. */
  readonly stepMs: (step: number) => number
  readonly evaluationMs: number
  /** Steps at which a new session begins. */
  readonly handOvers?: readonly number[]
}

/** Runs a stage of 1000 s on a machine; the clock stands still while nothing is done. */
function run({ stepMs, evaluationMs, handOvers = [] }: Machine) {
  let nowMs = 0
  const clock = { now: () => nowMs }
  let hours: StageHours = freshHours
  let lap = watchLaps(clock)
  let stageStep = 0
  const progressAt = (t: number) => landingProgress(t, hours.landings.at(-1) ?? null, 0)
  const progress: number[] = []
  while (stageStep < (hours.landings.at(-1)?.end ?? Infinity)) {
    const isEvaluated = stageStep > 0 && stageStep % evaluationInterval === 0
    progress.push(progressAt(stageStep))
    nowMs += stepMs(stageStep) + (isEvaluated ? evaluationMs : 0)
    stageStep++
    hours = spend(hours, lap(isEvaluated ? evaluationMs : null), stageStep)
    const landing = decideLanding(hours, stageStep, { limitMs, evaluationInterval, progressAt })
    if (landing) hours = { ...hours, landings: [...hours.landings, landing] }
    if (handOvers.includes(stageStep)) lap = watchLaps(clock)
  }
  return { hours, stageStep, totalMs: nowMs + evaluationMs, progress }
}

test('a stage at an even pace is decided on once, and ends within a step of its hours, last evaluation included', () => {
  const { hours, totalMs, stageStep } = run({ stepMs: () => 1000, evaluationMs: 0 })
  expect(hours.landings).toEqual([{ step: 16, spentMs: 16_000, progress: 0, end: 1000 }])
  expect({ totalMs, stageStep }).toEqual({ totalMs: limitMs, stageStep: 1000 })
})

test('evaluations are counted once one was measured, the one at the end too', () => {
  const { totalMs } = run({ stepMs: () => 1000, evaluationMs: 5000 })
  expect(totalMs).toBeLessThanOrEqual(limitMs)
  expect(totalMs).toBeGreaterThan(limitMs - 1000)
})

test('a hand-over to a machine of the same pace changes nothing', () => {
  const machine = { stepMs: () => 1000, evaluationMs: 2000 }
  expect(run({ ...machine, handOvers: [3, 100, 101, 650] })).toEqual(run(machine))
})

test.each([
  ['slower', 2.5],
  ['faster', 0.3],
])('a hand-over to a %s machine moves the end, and the schedule still comes to its end there', (_, factor) => {
  const { hours, totalMs, progress, stageStep } = run({
    stepMs: (step) => (step < 300 ? 1000 : 1000 * factor),
    evaluationMs: 500,
    handOvers: [300],
  })
  expect(Math.abs(totalMs - limitMs)).toBeLessThan(5000)
  expect(hours.landings.length).toBeGreaterThan(1)
  // No jump: each step moves on by its even part of what was left.
  progress.slice(1).forEach((p, i) => expect(p - progress[i]!).toBeLessThan(0.02))
  expect(progress.at(-1)).toBeGreaterThan(0.99)
  expect(landingProgress(stageStep, hours.landings.at(-1)!, 0)).toBe(1)
})

test('a pace that scatters is decided on few times', () => {
  const { hours, totalMs } = run({ stepMs: (step) => 700 + 600 * ((step * 0.618) % 1), evaluationMs: 3000 })
  expect(hours.landings.length).toBeLessThan(10)
  expect(Math.abs(totalMs - limitMs)).toBeLessThan(10_000)
})

test('where the hours are over before a pace is known, the stage ends after the step that is done', () => {
  const { hours, stageStep } = run({ stepMs: () => 400_000, evaluationMs: 0 })
  expect(stageStep).toBe(3)
  expect(hours.landings).toEqual([{ step: 3, spentMs: 1_200_000, progress: 0, end: 3 }])
})

test('a clock that stands still leaves a stage that ends', () => {
  const hours = spend(freshHours, { ms: 0, evaluationMs: null, paceMs: 0 }, 1)
  expect(decideLanding(hours, 16, { limitMs, evaluationInterval, progressAt: () => 0 })!.end).toBeLessThan(Infinity)
})
