import { EnsembleSpec, KnnSpec, MetricSpec } from '@baton/contracts'
import { streamKey, uniform } from '@baton/random'
import { describe, expect, test } from 'vitest'
import { assemble } from '../assemble/assemble.ts'
import { checkFold } from '../assemble/check-fold.ts'
import type { ExperimentPredictions, FoldPredictions } from '../assemble/read-folds.ts'
import { blendExperiments } from '../ensemble/blend-experiments.ts'
import { labelledSamples, labels, ranges } from '../fixtures/labelled-samples.ts'
import { fbetaSamples, searchThresholds } from '../fixtures/plain-scores.ts'
import { binarise } from '../metric/binarise.ts'
import { labelTable, samplesOf } from '../samples.ts'
import type { Predictions } from '../samples.ts'
import { splitFolds } from '../split/split-folds.ts'
import { thresholdFactors } from './near.ts'
import { searchTuning, tuningGrid } from './search-tuning.ts'

const manifest = labelledSamples(160, (i, label) => uniform(streamKey('near labels', i), label) < 0.3)
const base = { folds: { count: 3, split: 'stratified' as const }, seed: 2, labels: null }
const mean = EnsembleSpec.parse({ blend: 'mean' })
const plain = { ...base, metric: MetricSpec.parse({}), ensemble: mean, knn: null }
const voted = { ...plain, knn: KnnSpec.parse({}) }
const byDistance = {
  ...plain,
  metric: MetricSpec.parse({ threshold: 'distance' }),
  knn: KnnSpec.parse({ weight: 0 }),
}
const foldOf = splitFolds(manifest, base.folds, base.seed)
const samplesOfFold = (fold: number) => Int32Array.from(foldOf.keys()).filter((i) => foldOf[i] === fold)
const onTest = samplesOf(manifest, 'test')

const isFar = (sample: number) => sample % 3 === 0
/** The truth as far as `signal`, the rest noise by name; of far samples the model is `shy` times as sure. */
function predict(sample: Int32Array, fold: number, { vote = 0.4, shy = 1 } = {}): Predictions {
  const actual = labelTable(manifest, sample)
  const said = (name: string, signal: number) =>
    Float32Array.from(actual, (y, i) => {
      const noise = uniform(streamKey(name, fold, sample[Math.floor(i / labels)]!), i % labels)
      return signal * y + (1 - signal) * noise
    })
  const probability = said('model', 0.4).map((p, i) => (isFar(sample[Math.floor(i / labels)]!) ? shy * p : p))
  const distance = Float32Array.from(sample, (s) => (isFar(s) ? 0.3 : 0.1) * (1 + fold))
  return { sample, probability, near: { vote: said('vote', vote), distance } }
}

const foldsOf = (how?: Parameters<typeof predict>[2]): FoldPredictions[] =>
  [0, 1, 2].map((fold) => ({ fold, oof: predict(samplesOfFold(fold), fold, how), test: predict(onTest, fold, how) }))

describe('a vote of neighbours', () => {
  const folds = foldsOf()

  test('that errs elsewhere than the model does makes F2 better, nested too', () => {
    const without = assemble({ manifest, spec: plain, folds })
    const made = assemble({ manifest, spec: voted, folds })
    expect(without).toMatchObject({ knnWeight: null, distanceSlope: null })
    expect(made.knnWeight).toBeGreaterThan(0.2)
    expect(made.cv).toBeGreaterThan(without.cv + 0.02)
    expect(made.cvMean).toBeGreaterThan(without.cvMean + 0.02)
  })

  test('that says nothing weighs little, and CV is never below the one without', () => {
    const noisy = foldsOf({ vote: 0 })
    const made = assemble({ manifest, spec: voted, folds: noisy })
    expect(made.knnWeight).toBeLessThan(0.4)
    expect(made.cv).toBeGreaterThanOrEqual(assemble({ manifest, spec: plain, folds: noisy }).cv)
  })

  test('is blended as p’ = (1 − w) p + w vote, in CV and in the test prediction', () => {
    const spec = { ...voted, knn: KnnSpec.parse({ weight: 0.3 }) }
    const made = assemble({ manifest, spec, folds })
    const blended = ({ sample, probability, near }: Predictions): Predictions => ({
      sample,
      probability: probability.map((p, i) => (1 - 0.3) * p + 0.3 * near!.vote[i]!),
    })
    const by = folds.map(({ fold, oof, test: own }) => ({ fold, oof: blended(oof), test: blended(own!) }))
    expect(made).toEqual({ ...assemble({ manifest, spec: plain, folds: by }), knnWeight: 0.3 })
  })

  test('is ranked together with the model’s word where folds are blended by rank', () => {
    const rank = EnsembleSpec.parse({})
    const made = assemble({ manifest, spec: { ...voted, ensemble: rank }, folds })
    expect(made.test).toMatchObject({ space: 'rank', factor: null })
    expect(made.test!.value).not.toEqual(assemble({ manifest, spec: { ...plain, ensemble: rank }, folds }).test!.value)
  })

  test('counts in an ensemble as its own experiment weighs it', () => {
    const members: ExperimentPredictions[] = [
      { spec: voted, folds },
      { spec: plain, folds: foldsOf({ vote: 0 }) },
    ]
    const { knnWeight } = assemble({ manifest, spec: voted, folds })
    const blend = { by: 'mean' as const, scope: 'table' as const, seed: 0 }
    const made = blendExperiments({ manifest, labels: null, metric: plain.metric, blend, members })
    const at = 11
    const expected = folds.reduce((sum, { test: own }, fold) => {
      const p = (1 - knnWeight!) * own!.probability[at]! + knnWeight! * own!.near!.vote[at]!
      return sum + (p + members[1]!.folds[fold]!.test!.probability[at]!) / 6
    }, 0)
    expect(made.test!.value[at]).toBeCloseTo(expected, 5)
    expect(made).toMatchObject({ knnWeight: null, distanceSlope: null })
  })
})

describe('threshold distance', () => {
  const folds = foldsOf({ shy: 0.5 })

  test('lowers thresholds where far samples are predicted lower, and F2 gains, nested too', () => {
    const without = assemble({ manifest, spec: plain, folds })
    const made = assemble({ manifest, spec: byDistance, folds })
    expect(made.distanceSlope).toBeGreaterThan(0)
    expect(made.cv).toBeGreaterThan(without.cv + 0.01)
    expect(made.cvMean).toBeGreaterThan(without.cvMean + 0.005)
  })

  test('leaves thresholds as they are where distance says nothing', () => {
    const same = foldsOf().map(({ fold, oof, test: own }) => ({
      fold,
      oof: { ...oof, near: { ...oof.near!, distance: oof.near!.distance.map(() => 0) } },
      test: own,
    }))
    const made = assemble({ manifest, spec: byDistance, folds: same })
    expect(made).toMatchObject({ distanceSlope: 0, cv: assemble({ manifest, spec: plain, folds: same }).cv })
  })

  test('goes by distances relative to the fold’s usual one, of test samples by their mean over folds', () => {
    const { test: made, distanceSlope } = assemble({ manifest, spec: byDistance, folds })
    const usualOf = ({ oof }: FoldPredictions) => oof.near!.distance.reduce((sum, d) => sum + d, 0) / oof.sample.length
    made!.factor!.forEach((factor, i) => {
      const relative = folds.reduce((sum, fold) => sum + fold.test!.near!.distance[i]! / usualOf(fold) / 3, 0)
      expect(factor).toBeCloseTo(Math.exp(-distanceSlope! * relative), 5)
    })
  })

  test('holds in an ensemble of experiments', () => {
    const members: ExperimentPredictions[] = [
      { spec: byDistance, folds },
      { spec: byDistance, folds: foldsOf({ shy: 0.6 }) },
    ]
    const blend = { by: 'mean' as const, scope: 'table' as const, seed: 0 }
    const made = blendExperiments({ manifest, labels: null, metric: byDistance.metric, blend, members })
    expect(made.distanceSlope).toBeGreaterThan(0)
    const grouped = blendExperiments({ manifest, labels: null, metric: plain.metric, blend, members })
    expect(made.cv).toBeGreaterThan(grouped.cv)
  })
})

test('of a fold nothing that scores it is searched on it', () => {
  const spec = { ...byDistance, knn: KnnSpec.parse({}) }
  const folds = foldsOf({ shy: 0.5 })
  const left = 1
  const { oof } = folds[left]!
  const noise = (i: number) => uniform(streamKey('changed'), i)
  const other: Predictions = {
    sample: oof.sample,
    probability: oof.probability.map((_, i) => noise(i)),
    near: { vote: oof.near!.vote.map((_, i) => noise(i) ** 2), distance: oof.near!.distance.map((_, i) => noise(i)) },
  }
  const made = assemble({ manifest, spec, folds })
  const changed = folds.with(left, { ...folds[left]!, oof: other })
  // What is found on the others, then laid on the fold that was left out.
  const found = assemble({
    manifest,
    spec: { ...spec, folds: { ...spec.folds, only: [0, 2] } },
    folds: folds.toSpliced(left, 1),
  })
  const scoreOf = ({ probability, near, sample }: Predictions) => {
    const usual = near!.distance.reduce((sum, d) => sum + d, 0) / sample.length
    const factor = thresholdFactors(
      near!.distance.map((d) => d / usual),
      found.distanceSlope!,
    )
    const w = found.knnWeight!
    const given = binarise(
      probability.map((p, i) => (1 - w) * p + w * near!.vote[i]!),
      ranges,
      found.thresholds,
      spec.metric,
      factor,
    )
    const actual = labelTable(manifest, sample)
    return fbetaSamples(given, actual, labels, 2)
  }
  expect(made.foldScores[left]!.score).toBeCloseTo(scoreOf(oof), 12)
  expect(assemble({ manifest, spec, folds: changed }).foldScores[left]!.score).toBeCloseTo(scoreOf(other), 12)
})

test('a search tries each of both at the best of the other, and stays with the lowest of equal ones', () => {
  const grid = tuningGrid(null, true)
  const peak = searchTuning(grid, ({ weight, slope }) => -((weight - 0.35) ** 2) - (slope - 0.6) ** 2)
  expect(peak.weight).toBeCloseTo(0.35, 12)
  expect(peak.slope).toBeCloseTo(0.6, 12)
  expect(searchTuning(grid, () => 1)).toEqual({ weight: 0, slope: 0 })
  expect(searchTuning(tuningGrid(0.3, false), () => expect.unreachable())).toEqual({ weight: 0.3, slope: 0 })
})

describe('predictions are refused of which', () => {
  const [first, ...others] = foldsOf() as [FoldPredictions, ...FoldPredictions[]]
  const near = first.oof.near!
  const bare = ({ sample, probability }: Predictions): Predictions => ({ sample, probability })
  test.each<[string, FoldPredictions]>([
    ['the OOF lacks votes', { ...first, oof: bare(first.oof) }],
    ['the test prediction lacks votes', { ...first, test: bare(first.test!) }],
    ['a vote is above 1', { ...first, oof: { ...first.oof, near: { ...near, vote: near.vote.with(3, 1.5) } } }],
    [
      'a distance is above 2',
      { ...first, oof: { ...first.oof, near: { ...near, distance: near.distance.with(0, 3) } } },
    ],
    ['a distance is missing', { ...first, oof: { ...first.oof, near: { ...near, distance: near.distance.slice(1) } } }],
  ])('%s', (_, given) => {
    const refused: unknown = expect.objectContaining({ code: 'predictions-incomplete' })
    expect(() => assemble({ manifest, spec: voted, folds: [given, ...others] })).toThrow(refused)
    expect(() => checkFold({ manifest, spec: voted, predictions: given })).toThrow(refused)
  })
})

test('of labelled samples thresholds are those of the search over values that are divided by their factors', () => {
  const { oof } = foldsOf({ shy: 0.5 })[0]!
  const actual = labelTable(manifest, oof.sample)
  const factor = Float32Array.from(oof.sample, (s) => (isFar(s) ? 0.5 : 1))
  const scored = { probability: oof.probability, actual, factor }
  const { thresholds, score } = searchThresholds(scored, ranges, byDistance.metric)
  const given = binarise(oof.probability, ranges, thresholds, byDistance.metric, factor)
  expect(fbetaSamples(given, actual, labels, 2)).toBeCloseTo(score, 12)
  const divided = oof.probability.map((p, i) => p / factor[Math.floor(i / labels)]!)
  expect(binarise(divided, ranges, thresholds, byDistance.metric)).toEqual(given)
})
