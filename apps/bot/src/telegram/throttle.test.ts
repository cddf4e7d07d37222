import { expect, test } from 'vitest'
import { createThrottle } from './throttle.ts'
import type { Lane } from './throttle.ts'

function aThrottle() {
  let now = 0
  const throttle = createThrottle({ now: () => now })
  /** Sends for so long as fast as it may; answers how many went, by the second in which they did. */
  const sendFor = (seconds: number, lane: Lane, chats: readonly number[]) => {
    const bySecond: number[] = []
    for (const end = now + seconds * 1000; now < end; now += 100)
      for (const chat of chats)
        while (throttle.take(chat, lane) === 0)
          bySecond[Math.floor(now / 1000)] = (bySecond[Math.floor(now / 1000)] ?? 0) + 1
    return bySecond
  }
  return { throttle, sendFor, pass: (seconds: number) => void (now += seconds * 1000) }
}
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + (count ?? 0), 0)

test('a chat gets a short burst and then a message a second', () => {
  const { sendFor } = aThrottle()
  expect(sendFor(10, 'urgent', [7])).toEqual([4, 1, 1, 1, 1, 1, 1, 1, 1, 1])
})

test('a group gets twenty a minute once its burst is used up', () => {
  const { sendFor } = aThrottle()
  sendFor(60, 'urgent', [-7])
  expect(sum(sendFor(60, 'urgent', [-7]))).toBe(20)
})

test('all chats together get thirty a second', () => {
  const { sendFor } = aThrottle()
  const chats = Array.from({ length: 200 }, (_, index) => index + 1)
  const [first, ...later] = sendFor(5, 'urgent', chats)
  expect(first).toBeLessThanOrEqual(60)
  for (const count of later) expect(count).toBe(30)
})

test('quiet messages and cards leave room for urgent ones, which need not wait behind them', () => {
  const { throttle, sendFor } = aThrottle()
  expect(sum(sendFor(1, 'quiet', [7]))).toBe(2)
  expect(throttle.take(7, 'card')).toBeGreaterThan(0)
  expect([throttle.take(7, 'urgent'), throttle.take(7, 'urgent')]).toEqual([0, 0])
})

test('what it answers is when the message may go', () => {
  const { throttle, sendFor, pass } = aThrottle()
  sendFor(0.1, 'urgent', [7])
  const seconds = throttle.take(7, 'urgent')
  expect(seconds).toBeGreaterThan(0)
  pass(seconds)
  expect(throttle.take(7, 'urgent')).toBe(0)
})
