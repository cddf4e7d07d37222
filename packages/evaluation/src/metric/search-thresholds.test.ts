import { MetricSpec } from '@baton/contracts'
import { integer, streamKey, uniform } from '@baton/random'
import { expect, test } from 'vitest'
import { fbetaSamples, searchThresholds } from '../fixtures/plain-scores.ts'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { binarise } from './binarise.ts'
import { candidatesOf, fbetaAt } from './candidates.ts'
import { topColumns } from './label-rows.ts'

const { ranges, minLabels, maxLabels, ...threshold } = reference.threshold
const probability = Float32Array.from(threshold.probability)
const actual = Uint8Array.from(threshold.actual)
const metric = MetricSpec.parse({ threshold: 'global', minLabels, maxLabels })

test('binarising agrees with NumPy, ties and limits on the number of labels included', () => {
  const given = binarise(probability, ranges, threshold.binarised.thresholds, metric)
  expect([...given]).toEqual(threshold.binarised.given)
})

test('a sample gets its best label even below the threshold, and never more than the limit', () => {
  const one = [{ name: 'all', start: 0, end: 4 }]
  const limits = (minLabels: number, maxLabels: number) => ({ ...metric, minLabels, maxLabels })
  const row = Float32Array.of(0.2, 0.4, 0.4, 0.3)
  expect([...binarise(row, one, [0.9], limits(1, 2))]).toEqual([0, 1, 0, 0])
  expect([...binarise(row, one, [0.1], limits(0, 3))]).toEqual([0, 1, 1, 1])
  expect([...binarise(row, one, [0.5], limits(0, 3))]).toEqual([0, 0, 0, 0])
  expect([...binarise(row, one, [0.5], limits(9, 9))]).toEqual([1, 1, 1, 1])
})

test('the highest columns come in order, ties by the lower column', () => {
  for (let seed = 0; seed < 200; seed++) {
    const key = streamKey('top', seed)
    const row = Float32Array.from({ length: 12 }, (_, i) => integer(key, i, 5))
    const k = 1 + integer(key, 12, 14)
    const top = new Int32Array(k)
    const expected = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, k)
    expect([...top.subarray(0, topColumns(row, k, top))]).toEqual(expected)
  }
})

test('the global threshold is the one a full search with scikit-learn finds', () => {
  const found = searchThresholds({ probability, actual }, ranges, metric)
  expect(found.thresholds).toEqual([threshold.global.threshold, threshold.global.threshold])
  expect(found.score).toBeCloseTo(threshold.global.score, 12)
})

test('grouped thresholds reach what a coarse search over all pairs reaches, and never less than global', () => {
  const found = searchThresholds({ probability, actual }, ranges, { ...metric, threshold: 'grouped' })
  expect(found.score).toBeGreaterThanOrEqual(threshold.groupedOnEveryFifthOfTheGrid - 1e-12)
  expect(found.score).toBeGreaterThanOrEqual(threshold.global.score - 1e-12)
  const given = binarise(probability, ranges, found.thresholds, metric)
  expect(fbetaSamples(given, actual, 9, 2)).toBeCloseTo(found.score, 12)
})

test('candidates give the score of the whole table at any thresholds', () => {
  for (let seed = 0; seed < 50; seed++) {
    const key = streamKey('score', seed)
    const limits = { ...metric, minLabels: integer(key, 0, 3), maxLabels: 2 + integer(key, 1, 9) }
    const thresholds = [integer(key, 2, 99) / 100, integer(key, 3, 99) / 100]
    const p = Float32Array.from(probability, (_, i) => uniform(streamKey('p', seed), i))
    const candidates = candidatesOf({ probability: p, actual }, ranges, limits, 0)
    const expected = fbetaSamples(binarise(p, ranges, thresholds, limits), actual, 9, 2)
    expect(fbetaAt([candidates], thresholds, { beta: 2, ranges, average: 'samples' })).toBeCloseTo(expected, 12)
  }
})
