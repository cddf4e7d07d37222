import { expect, test } from 'vitest'
import { durationText, scoreText } from './format.ts'

test.each([
  [0, '0s'],
  [59.4, '59s'],
  [59.6, '1m'],
  [3599, '1h00m'],
  [3900, '1h05m'],
  [86_399, '1d00h'],
  [187_200, '2d04h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text)
})

test('a score has four digits, and none is a dash', () => {
  expect([scoreText(0.65125), scoreText(null)]).toEqual(['0.6512', '–'])
})
