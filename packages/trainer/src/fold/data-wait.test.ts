import { expect, test } from 'vitest'
import { watchDataWait } from './data-wait.ts'

/** What is told of so many steps of a second each. */
function toldOf(steps: number, waitMs: (step: number) => number): [step: number, share: number][] {
  const watch = watchDataWait()
  return Array.from({ length: steps }, (_, step) => [step, watch({ ms: 1000, waitMs: waitMs(step) })] as const).flatMap(
    ([step, share]) => (share === null ? [] : [[step, share] as [number, number]]),
  )
}

test('a stage that waits much of its time says so once, after a minute', () => {
  expect(toldOf(300, () => 300)).toEqual([[60, 0.3]])
})

test('waiting that begins later is told when it has lasted', () => {
  expect(toldOf(300, (step) => (step > 120 ? 500 : 0))).toEqual([[180, 0.5]])
})

test('a little waiting is not told, nor is that for the first batch', () => {
  expect(toldOf(300, () => 190)).toEqual([])
  expect(toldOf(300, (step) => (step === 0 ? 1e6 : 0))).toEqual([])
})
