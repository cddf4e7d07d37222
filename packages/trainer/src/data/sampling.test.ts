import { SampleSpec } from '@baton/contracts'
import { streamKey } from '@baton/random'
import { expect, test } from 'vitest'
import type { Targets } from '../inputs/targets.ts'
import fixture from './fixtures/sampling.json' with { type: 'json' }
import { drawSamples, sampleWeights, turnsOf } from './sampling.ts'

/** Samples of odd places in a manifest. */
const samples = Int32Array.from(fixture.labels, (_, i) => 2 * i + 1)
const targetsOf = (rowOf: (row: number[]) => number[]): Targets => ({
  samples,
  labelsOf: (own) => Float32Array.from([...own].flatMap((sample) => rowOf(fixture.labels[(sample - 1) / 2]!))),
  teacherOf: null,
})

test.each(fixture.cases)('weights of $spec are those of scikit-learn and NumPy', ({ spec, weights }) => {
  const weightOf = sampleWeights(
    SampleSpec.parse(spec),
    targetsOf((row) => row),
  )
  samples.forEach((sample, i) => expect(weightOf(sample)).toBeCloseTo(weights[i]!, 12))
  expect(Math.min(...samples.map(weightOf))).toBeGreaterThan(0)
})

test('a label that is learnt in part counts from a half on', () => {
  const spec = SampleSpec.parse({})
  const whole = sampleWeights(
    spec,
    targetsOf((row) => row),
  )
  const soft = sampleWeights(
    spec,
    targetsOf((row) => row.map((y) => (y === 1 ? 0.5 : 0.49))),
  )
  expect(samples.map(soft)).toEqual(samples.map(whole))
})

test('samples are drawn in proportion to their weights, with replacement, as a function of the key', () => {
  const entries = Int32Array.of(4, 5, 6, 7)
  const weightOf = (sample: number) => [1, 0.5, 6, 2.5][sample - 4]!
  const draws = drawSamples(entries, weightOf, 40_000, streamKey('draws'))
  for (const sample of entries) {
    const share = draws.filter((drawn) => drawn === sample).length / draws.length
    // Four standard deviations of a share of 40,000 draws are at most 0.01.
    expect(Math.abs(share - weightOf(sample) / 10)).toBeLessThan(0.01)
  }
  expect(drawSamples(entries, weightOf, 100, streamKey('draws'))).toEqual(draws.slice(0, 100))
  expect(drawSamples(entries, weightOf, 100, streamKey('others'))).not.toEqual(draws.slice(0, 100))
})

test('an entry that is given twice is drawn twice as often', () => {
  const draws = drawSamples(Int32Array.of(1, 2, 1), () => 1, 30_000, streamKey('twice'))
  expect(draws.filter((sample) => sample === 1).length / draws.length).toBeCloseTo(2 / 3, 1)
})

test('turns count how often an order has had a sample before', () => {
  expect([...turnsOf(Int32Array.of(3, 1, 3, 3, 1, 2))]).toEqual([0, 0, 1, 2, 1, 0])
})
