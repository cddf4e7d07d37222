import type { Fold } from '@baton/contracts'
import { expect, test } from 'vitest'
import { etaSeconds } from './eta.ts'

const training = (step: number, rest: number) =>
  ({ status: 'leased', progress: { step, totalSteps: 100, etaSeconds: rest } }) as Fold
const waiting = (step = 0) => ({ status: 'ready', progress: { step, totalSteps: 100 } }) as Fold

test('while no fold trains, nobody knows', () => {
  expect(etaSeconds([waiting()])).toBeNull()
})

test('the longest of those that train, when none waits', () => {
  expect(etaSeconds([training(50, 100), training(90, 10)])).toBe(100)
})

test('those that wait are shared among those that train, less what they have done', () => {
  // Each fold lasts 200 s: 100 + 200 · ½ + 200 s on one session.
  expect(etaSeconds([training(50, 100), waiting(50), waiting()])).toBe(400)
  expect(etaSeconds([training(50, 100), training(50, 100), waiting(), waiting()])).toBe(300)
})
