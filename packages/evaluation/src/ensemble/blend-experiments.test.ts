import { EnsembleSpec, MetricSpec } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { streamKey, uniform } from '@baton/random'
import { describe, expect, test } from 'vitest'
import { assemble } from '../assemble/assemble.ts'
import type { ExperimentPredictions } from '../assemble/read-folds.ts'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { scorerOf, scoreTable } from '../metric/score.ts'
import { labelTable, samplesOf } from '../samples.ts'
import { splitFolds } from '../split/split-folds.ts'
import { blendExperiments } from './blend-experiments.ts'
import { mix, partsOf } from './mix.ts'
import { rank, rankAverage } from './rank-average.ts'
import { selectWeights } from './select-weights.ts'

const labels = 5
const ranges = [
  { name: 'culture', start: 0, end: 2 },
  { name: 'tag', start: 2, end: 5 },
]
const manifest: DatasetManifest = {
  format: 'baton.dataset/1',
  labelGroups: [
    { name: 'culture', labels: ['a', 'b'] },
    { name: 'tag', labels: ['c', 'd', 'e'] },
  ],
  shards: [],
  licences: [],
  samples: Array.from({ length: 80 }, (_, i) => ({
    id: `s${i}`,
    split: i % 5 === 4 ? ('test' as const) : ('train' as const),
    group: null,
    labels: [...Array(labels).keys()].filter((label) => uniform(streamKey('blend labels', i), label) < 0.35),
    shard: 0,
    offset: 0,
    length: 1,
    digest: '0'.repeat(64),
  })),
}
const metric = MetricSpec.parse({ maxLabels: 4 })
const spec = {
  folds: { count: 3, split: 'stratified' as const },
  seed: 1,
  metric,
  ensemble: EnsembleSpec.parse({}),
  labels: null,
  knn: null,
}
const foldOf = splitFolds(manifest, spec.folds, spec.seed)
const foldSamples = [0, 1, 2].map((fold) => Int32Array.from(foldOf.keys()).filter((i) => foldOf[i] === fold))

/** An experiment whose predictions are the truth as far as `signal`, the rest noise of its own; on a scale of its own. */
function member(name: string, signal: number, power = 1): ExperimentPredictions {
  const predict = (sample: Int32Array) => ({
    sample,
    probability: Float32Array.from(labelTable(manifest, sample), (y, i) => {
      const noise = uniform(streamKey(name, sample[Math.floor(i / labels)]!), i % labels)
      return (signal * y + (1 - signal) * noise) ** power
    }),
  })
  const folds = foldSamples.map((sample, fold) => ({
    fold,
    oof: predict(sample),
    test: predict(samplesOf(manifest, 'test')),
  }))
  return { spec, folds }
}

const members = [member('one', 0.3), member('two', 0.3), member('noise', 0)]
const blendOf = (by: 'mean' | 'rank' | 'weighted', of: readonly ExperimentPredictions[], seed = 0) =>
  blendExperiments({ manifest, labels: null, metric, blend: { by, scope: 'table', seed }, members: of })

describe('weights', () => {
  test('of the forward selection are those of NumPy and scikit-learn', () => {
    const { labels: width, tables, actual, weights } = reference.forwardSelection
    const whole = [{ name: 'all', start: 0, end: width }]
    const parts = tables.map((table) => ({ ...partsOf(whole, null), value: Float32Array.from(table) }))
    const logLoss = MetricSpec.parse({ name: 'log-loss', threshold: 'none' })
    const found = selectWeights(tables.length, (of) =>
      scoreTable({ probability: mix(parts, of, whole), actual: Uint8Array.from(actual) }, whole, logLoss),
    )
    found.forEach((weight, m) => expect(weight).toBeCloseTo(weights[m]!, 12))
  })

  test('are those at which the score is best, in twentieths; of equal ones the fewest models', () => {
    expect(selectWeights(2, ([a]) => -Math.abs(a! - 0.7))).toEqual([0.7, 0.3])
    expect(selectWeights(3, () => 1)).toEqual([1, 0, 0])
  })

  test('of models that know nothing are small, and the blend is better than each member', () => {
    const { weights, cv } = blendOf('weighted', members)
    expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12)
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(0)
    expect(weights[2]).toBeLessThan(0.2)
    for (const { folds } of members) expect(cv).toBeGreaterThan(assemble({ manifest, spec, folds }).cv)
  })
})

test('a mean is that of the members, sample by sample, whatever the order of their rows', () => {
  const backwards = ({ sample, probability }: { sample: Int32Array; probability: Float32Array }) => ({
    sample: sample.toReversed(),
    probability: Float32Array.from(
      [...sample.keys()].reverse().flatMap((row) => [...probability.subarray(row * labels, (row + 1) * labels)]),
    ),
  })
  const [one, two] = members as [ExperimentPredictions, ExperimentPredictions]
  const turned = { spec, folds: two.folds.map((fold) => ({ ...fold, oof: backwards(fold.oof) })).reverse() }
  expect(blendOf('mean', [one, turned])).toEqual(blendOf('mean', [one, two]))

  const { cv, weights, test: made } = blendOf('mean', [one, two])
  expect(weights).toEqual([0.5, 0.5])
  const scorer = scorerOf(metric, ranges)
  const tables = foldSamples.map((sample, fold) => {
    const [a, b] = [one, two].map(({ folds }) => folds[fold]!.oof.probability)
    return scorer.prepare({ probability: a!.map((p, i) => (p + b![i]!) / 2), actual: labelTable(manifest, sample) })
  })
  expect(cv).toBeCloseTo(scorer.best(tables), 6)
  const tests = [one, two].flatMap(({ folds }) => folds.map((fold) => fold.test!.probability))
  expect(made).toMatchObject({ space: 'probability', sample: samplesOf(manifest, 'test') })
  expect(made!.value[7]).toBeCloseTo(
    tests.reduce((sum, table) => sum + table[7]! / 6, 0),
    6,
  )
})

test('a fold is scored at weights and thresholds that were searched without it', () => {
  const { foldScores } = blendOf('weighted', members)
  const left = 1
  // Whatever fold 1 predicted, its own score apart nothing that scores it changes.
  const others = (changed: boolean) =>
    members.map(({ folds }) => ({
      spec,
      folds: folds.map((fold) => (fold.fold === left && changed ? { ...fold, oof: folds[left]!.oof } : fold)),
    }))
  expect(blendOf('weighted', others(true)).foldScores).toEqual(foldScores)

  const scorer = scorerOf(metric, ranges)
  const table = (fold: number, weights: readonly number[]) => {
    const values = members.map(({ folds }) => ({ ...partsOf(ranges, null), value: folds[fold]!.oof.probability }))
    return scorer.prepare({
      probability: mix(values, weights, ranges),
      actual: labelTable(manifest, foldSamples[fold]!),
    })
  }
  const weights = selectWeights(3, (of) => scorer.best([table(0, of), table(2, of)]))
  const thresholds = scorer.search([table(0, weights), table(2, weights)])
  expect(foldScores[left]!.score).toBe(scorer.score([table(left, weights)], thresholds))
})

test('by rank, members on other scales count alike', () => {
  const [one, two] = members as [ExperimentPredictions, ExperimentPredictions]
  const squeezed = member('two', 0.3, 6)
  const { cv, test: made } = blendOf('rank', [one, squeezed])
  expect(cv).toBe(blendOf('rank', [one, two]).cv)
  expect(made!.space).toBe('rank')
  const own = [one, squeezed].map(({ folds }) => {
    const tables = folds.map((fold) => fold.test!.probability)
    return rank(rankAverage(tables, labels, 'table'), labels, 'table')
  })
  const expected = rank(rankAverage(own, labels, 'table'), labels, 'table')
  made!.value.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5))
})

test('equal input gives an equal blend', () => {
  expect(blendOf('weighted', members, 3)).toEqual(blendOf('weighted', members, 3))
})

test('a specialised member counts for its own label groups alone', () => {
  const [one] = members as [ExperimentPredictions]
  const only = ({ sample, probability }: { sample: Int32Array; probability: Float32Array }) => ({
    sample,
    probability: probability.filter((_, i) => i % labels >= 2),
  })
  const whole = member('special', 0.5)
  const folds = whole.folds.map(({ fold, oof, test: onTest }) => ({ fold, oof: only(oof), test: only(onTest!) }))
  const special = { spec: { ...spec, labels: ['tag'] }, folds }
  const blended = blendOf('mean', [one, special])
  expect(blended.cv).toBeGreaterThan(assemble({ manifest, ...one }).cv)
  const mean = (column: number) => {
    const tables = [one, whole].map(({ folds: own }) =>
      own.reduce((sum, fold) => sum + fold.test!.probability[column]! / 3, 0),
    )
    return column < 2 ? tables[0]! : (tables[0]! + tables[1]!) / 2
  }
  for (let column = 0; column < labels; column++) expect(blended.test!.value[column]).toBeCloseTo(mean(column), 6)

  const tags = blendExperiments({
    manifest,
    labels: ['tag'],
    metric,
    blend: { by: 'mean', scope: 'table', seed: 0 },
    members: [special, special],
  })
  expect(tags.cv).toBeCloseTo(assemble({ manifest, ...special }).cv, 12)
})

test('of a label group those members count that predict it', () => {
  const all = { ...partsOf(ranges, null), value: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5) }
  const tags = { ...partsOf(ranges, ['tag']), value: Float32Array.of(0.9, 0.8, 0.7) }
  const of = (weights: number[]) => [...mix([all, tags], weights, ranges)].map((value) => Math.round(value * 100) / 100)
  expect(of([0.5, 0.5])).toEqual([0.1, 0.2, 0.6, 0.6, 0.6])
  expect(of([0.75, 0.25])).toEqual([0.1, 0.2, 0.45, 0.5, 0.55])
  // Nobody else predicts culture, so what it weighs does not matter there.
  expect(of([0, 1])).toEqual([0.1, 0.2, 0.9, 0.8, 0.7])
})
