import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startSessionTime } from './session-time.ts'

/** Time that a test moves; waits end when it passes them. */
function fakeClock() {
  let nowMs = 0
  let waits: { atMs: number; resolve: () => void }[] = []
  return {
    now: () => nowMs,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('called off')))
        waits.push({ atMs: nowMs + ms, resolve })
      }),
    async advance(seconds: number) {
      nowMs += 1000 * seconds
      for (const wait of waits) if (wait.atMs <= nowMs) wait.resolve()
      waits = waits.filter(({ atMs }) => atMs > nowMs)
      await setImmediate()
    },
  }
}

test('the last call comes before the end', async () => {
  const clock = fakeClock()
  const time = startSessionTime(clock, 100, 15)
  expect(time.secondsLeft()).toBe(100)
  await clock.advance(84)
  expect([time.lastCall.aborted, time.over.aborted, time.secondsLeft()]).toEqual([false, false, 16])
  await clock.advance(1)
  expect([time.lastCall.aborted, time.over.aborted]).toEqual([true, false])
  await clock.advance(15)
  expect([time.over.aborted, time.secondsLeft()]).toEqual([true, 0])
})

test('without an end nothing ends it until one is given', async () => {
  const clock = fakeClock()
  const time = startSessionTime(clock, null, 15)
  await clock.advance(1e9)
  expect([time.secondsLeft(), time.over.aborted]).toEqual([null, false])
  time.endWithin(5)
  await clock.advance(2.5)
  expect([time.lastCall.aborted, time.over.aborted]).toEqual([true, false])
  await clock.advance(2.5)
  expect(time.over.aborted).toBe(true)
})

test('an end that is given later never gives more time', async () => {
  const clock = fakeClock()
  const time = startSessionTime(clock, 3, 1)
  time.endWithin(5)
  expect(time.secondsLeft()).toBe(3)
})
