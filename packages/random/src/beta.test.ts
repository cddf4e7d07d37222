import { expect, test } from 'vitest'
import { beta } from './beta.ts'
import reference from './fixtures/reference.json' with { type: 'json' }
import { streamKey } from './stream.ts'

const many = 20_000

test.each(reference.beta)('numbers of Beta($a, $b) lie below scipy’s quantiles as often as they should', (fixture) => {
  const { a, b, quantiles } = fixture
  const key = streamKey('beta', a, b)
  const drawn = Array.from({ length: many }, (_, i) => beta(key, i, a, b))
  for (const value of drawn) expect(value >= 0 && value <= 1).toBe(true)
  for (const { part, at } of quantiles) {
    const below = drawn.filter((value) => value <= at).length / many
    expect(Math.abs(below - part)).toBeLessThan(4 * Math.sqrt((part * (1 - part)) / many))
  }
})

test('a number is a function of key and index, not of what was drawn before', () => {
  const key = streamKey('beta')
  const first = beta(key, 3, 0.2, 0.2)
  beta(key, 2, 0.2, 0.2)
  expect(beta(key, 3, 0.2, 0.2)).toBe(first)
  expect(beta(key, 4, 0.2, 0.2)).not.toBe(first)
})
