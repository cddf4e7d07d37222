import { MetricSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { searchThresholds } from '../fixtures/plain-scores.ts'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { binarise } from './binarise.ts'
import { bestByExpectedFbeta } from './expected-fbeta.ts'
import { topColumns } from './label-rows.ts'
import { scoreTable } from './score.ts'

const { ranges, maxLabels, ...giving } = reference.giving
const labels = ranges.at(-1)!.end
const probability = Float32Array.from(giving.probability)
const actual = Uint8Array.from(giving.actual)
const rows = actual.length / labels
const metricOf = (spec: object) => MetricSpec.parse({ maxLabels, ...spec })
const count = (given: Iterable<number>) => [...given].reduce((sum, of) => sum + of, 0)

test('max-over-k gives what is above the highest over k, as NumPy does', () => {
  const metric = metricOf({ threshold: 'max-over-k', k: 7 })
  const { thresholds } = searchThresholds({ probability, actual }, ranges, metric)
  expect(thresholds).toEqual([1 / 7, 1 / 7])
  expect([...binarise(probability, ranges, thresholds, metric)]).toEqual(giving.overSeven)
})

test('the k that is searched is the one a full search finds', () => {
  const metric = metricOf({ threshold: 'max-over-k' })
  expect(searchThresholds({ probability, actual }, ranges, metric).score).toBeCloseTo(giving.bestOverK, 12)
})

test('count-matched gives as many labels as there are, as near as any threshold comes', () => {
  const metric = metricOf({ threshold: 'count-matched' })
  const { thresholds, score } = searchThresholds({ probability, actual }, ranges, metric)
  const given = binarise(probability, ranges, thresholds, metric)
  expect(Math.abs(count(given) - count(actual)) / rows).toBeCloseTo(giving.nearestCount, 12)
  expect(scoreTable({ probability, actual }, ranges, metric)).toBe(score)
})

test('count-matched gives as many labels as it is told', () => {
  const metric = metricOf({ threshold: 'count-matched', labelsPerSample: 2.5, minLabels: 0 })
  const { thresholds } = searchThresholds({ probability, actual }, ranges, metric)
  expect(count(binarise(probability, ranges, thresholds, metric)) / rows).toBe(2.5)
})

test('limits of label groups hold, as a plain search of each row finds', () => {
  const { min, max, threshold, given } = giving.limited
  const labelsOf = Object.fromEntries(ranges.map(({ name }, i) => [name, { min: min[i], max: max[i] }]))
  const metric = metricOf({ threshold: 'global', labelsOf })
  expect([...binarise(probability, ranges, [threshold, threshold], metric)]).toEqual(given)
})

test('limits of a label group that there is not are refused', () => {
  const metric = metricOf({ labelsOf: { colour: { max: 1 } } })
  expect(() => binarise(probability, ranges, [0.5, 0.5], metric)).toThrow(
    expect.objectContaining({
      code: 'spec-invalid',
      faults: [expect.objectContaining({ pointer: '/metric/labelsOf' })],
    }),
  )
})

test.each(reference.expected)(
  'the labels with the best expected F-$beta are those a search of all sets finds',
  (of) => {
    const row = Float32Array.from(of.probability)
    const order = new Int32Array(row.length)
    topColumns(row, row.length, order)
    const best = order.subarray(0, bestByExpectedFbeta(row, order, 0, of.beta))
    expect([...best].sort()).toEqual([...row.keys()].filter((label) => of.given[label] === 1))
  },
)

test('expected F-beta counts the labels that may not be given, and never gives fewer than it must', () => {
  const row = Float32Array.from(reference.expected[0]!.probability)
  const order = new Int32Array(row.length)
  topColumns(row, row.length, order)
  const all = bestByExpectedFbeta(row, order, 0, 2)
  expect(all).toBeGreaterThan(2)
  expect(bestByExpectedFbeta(row, order.subarray(0, 2), 0, 2)).toBe(2)
  expect(bestByExpectedFbeta(new Float32Array(4), Int32Array.of(0, 1, 2, 3), 2, 2)).toBe(2)
  // A few certain labels among a thousand that are almost certainly not there.
  const many = new Float32Array(1103).fill(1e-4)
  many.set([0.99, 0.98, 0.9])
  const top = new Int32Array(10)
  topColumns(many, 10, top)
  expect(bestByExpectedFbeta(many, top, 1, 2)).toBe(3)
})

test('expected F-beta gives labels without a threshold, within the limits', () => {
  const metric = metricOf({ threshold: 'expected-fbeta', minLabels: 1 })
  const { thresholds, score } = searchThresholds({ probability, actual }, ranges, metric)
  expect(thresholds).toEqual([])
  const given = binarise(probability, ranges, thresholds, metric)
  const perRow = Array.from({ length: rows }, (_, i) => count(given.subarray(i * labels, (i + 1) * labels)))
  expect(Math.min(...perRow)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...perRow)).toBeLessThanOrEqual(maxLabels)
  expect(scoreTable({ probability, actual }, ranges, metric)).toBe(score)
})
