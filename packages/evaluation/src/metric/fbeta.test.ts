import { expect, test } from 'vitest'
import { fbetaSamples } from '../fixtures/plain-scores.ts'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { fbeta } from './fbeta.ts'

const { labels, actual, predicted, scores } = reference.fbeta

test.each(scores)('F-beta over samples agrees with scikit-learn for beta $beta', ({ beta, score }) => {
  expect(fbetaSamples(Uint8Array.from(predicted), Uint8Array.from(actual), labels, beta)).toBeCloseTo(score, 12)
})

test('a sample without labels that is given none counts 0, as in scikit-learn', () => {
  expect(fbeta(0, 0, 0, 2)).toBe(0)
  expect(fbetaSamples(Uint8Array.of(0, 0, 1, 0), Uint8Array.of(0, 0, 1, 0), 2, 2)).toBe(0.5)
  expect(fbetaSamples(new Uint8Array(), new Uint8Array(), 3, 2)).toBe(0)
})

test('F2 weighs a missed label as four given too much', () => {
  // TP 1, FN 1, FP 0: 5 / (5 + 4); TP 1, FN 0, FP 4: 5 / (5 + 4)
  expect(fbeta(1, 1, 2, 2)).toBeCloseTo(5 / 9, 15)
  expect(fbeta(1, 5, 1, 2)).toBeCloseTo(5 / 9, 15)
})
