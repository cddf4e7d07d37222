import { expect, test } from 'vitest'
import { createPace } from './pace.ts'

test('before the first duration nothing is known, which counts as no time', () => {
  expect(createPace().p99()).toBe(0)
})

test('of few durations the longest counts', () => {
  const pace = createPace()
  for (const seconds of [3, 9, 1]) pace.add(seconds)
  expect(pace.p99()).toBe(9)
})

test('of 200 durations the two longest are beyond the 99th percentile', () => {
  const pace = createPace()
  for (let i = 1; i <= 200; i++) pace.add(i)
  expect(pace.p99()).toBe(198)
})

test('a slow start is forgotten', () => {
  const pace = createPace()
  for (let i = 0; i < 5; i++) pace.add(60)
  for (let i = 0; i < 256; i++) pace.add(1)
  expect(pace.p99()).toBe(1)
})
