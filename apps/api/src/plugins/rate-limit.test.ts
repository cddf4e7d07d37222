import { expect, test } from 'vitest'
import { rateLimiter } from './rate-limit.ts'

function aLimiter(perMinute: number) {
  let nowMs = 0
  const take = rateLimiter('token', perMinute, () => nowMs)
  return { take, wait: (ms: number) => void (nowMs += ms) }
}

test('a caller has a minute of requests at once, then one each time another is due', () => {
  const { take, wait } = aLimiter(60)
  for (let i = 0; i < 60; i++) expect(take('a').retryAfterSeconds).toBeNull()
  expect(take('a').retryAfterSeconds).toBe(1)
  wait(999)
  expect(take('a').retryAfterSeconds).toBe(1)
  wait(1)
  expect(take('a').retryAfterSeconds).toBeNull()
  expect(take('a').retryAfterSeconds).toBe(1)
})

test('who comes back when told is let in', () => {
  const { take, wait } = aLimiter(7)
  for (let i = 0; i < 7; i++) take('a')
  wait(take('a').retryAfterSeconds! * 1000)
  expect(take('a').retryAfterSeconds).toBeNull()
})

test('requests that were refused cost nothing', () => {
  const { take, wait } = aLimiter(60)
  for (let i = 0; i < 1000; i++) take('a')
  wait(1000)
  expect(take('a').retryAfterSeconds).toBeNull()
})

test('callers do not count for each other', () => {
  const { take } = aLimiter(1)
  expect(['a', 'b', 'a'].map((caller) => take(caller).retryAfterSeconds)).toEqual([null, null, 60])
})

test('headers say what is left, and when all of it is there again', () => {
  const { take, wait } = aLimiter(120)
  expect(take('a').headers).toEqual({ ratelimit: '"token";r=119;t=1', 'ratelimit-policy': '"token";q=120;w=60' })
  for (let i = 0; i < 59; i++) take('a')
  expect(take('a').headers.ratelimit).toBe('"token";r=59;t=31')
  wait(60_000)
  expect(take('a').headers.ratelimit).toBe('"token";r=119;t=1')
})

test('what is kept of callers is bounded, and those who are still limited are let go last', () => {
  const { take, wait } = aLimiter(1)
  take('limited')
  wait(30_000)
  for (let i = 0; i < 99_999; i++) take(String(i))
  expect(take('limited').retryAfterSeconds).toBe(30)
  wait(45_000)
  take('one more')
  expect(take('99998').retryAfterSeconds).toBe(15)
  for (let i = 0; i < 100; i++) take(`flood ${i}`)
})
