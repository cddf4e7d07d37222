import { EnsembleSpec, MetricSpec } from '@baton/contracts'
import { integer, permutation, streamKey, uniform } from '@baton/random'
import { describe, expect, test } from 'vitest'
import { rank, rankAverage } from '../ensemble/rank-average.ts'
import { labelledSamples, labels, ranges } from '../fixtures/labelled-samples.ts'
import { fbetaSamples, searchThresholds } from '../fixtures/plain-scores.ts'
import { binarise } from '../metric/binarise.ts'
import { labelTable, samplesOf } from '../samples.ts'
import type { Predictions } from '../samples.ts'
import { splitFolds } from '../split/split-folds.ts'
import { assemble } from './assemble.ts'
import { checkFold } from './check-fold.ts'
import type { FoldPredictions } from './read-folds.ts'

const metric = MetricSpec.parse({ maxLabels: 3 })
const ensemble = EnsembleSpec.parse({})

const manifest = labelledSamples(90, (i, label) => uniform(streamKey('labels', i), label) < 0.1 + 0.08 * label)

const spec = { folds: { count: 3, split: 'stratified' as const }, seed: 4, metric, ensemble, labels: null, knn: null }
const foldOf = splitFolds(manifest, spec.folds, spec.seed)
const samplesOfFold = (fold: number) => Int32Array.from(foldOf.keys()).filter((i) => foldOf[i] === fold)

/** Noisy predictions; each fold on another scale, as differently calibrated models are. */
function predict(sample: Int32Array, fold: number): Predictions {
  const actual = labelTable(manifest, sample)
  const noise = (i: number) => uniform(streamKey('noise', fold, sample[0]!), i)
  return { sample, probability: Float32Array.from(actual, (y, i) => (0.4 * y + 0.6 * noise(i)) ** (1 + fold)) }
}

const folds: FoldPredictions[] = [0, 1, 2].map((fold) => ({
  fold,
  oof: predict(samplesOfFold(fold), fold),
  test: predict(samplesOf(manifest, 'test'), fold),
}))

/** The pooled table of some folds, made the plain way. */
function pooled(of: readonly FoldPredictions[]) {
  return {
    probability: Float32Array.from(of.flatMap(({ oof }) => [...oof.probability])),
    actual: Uint8Array.from(of.flatMap(({ oof }) => [...labelTable(manifest, oof.sample)])),
  }
}

test('CV is the best F-beta of all OOF pooled', () => {
  const { thresholds, score } = searchThresholds(pooled(folds), ranges, metric)
  const assembly = assemble({ manifest, spec, folds })
  expect(assembly).toMatchObject({ cv: score, thresholds })
  expect(assembly.cv).toBeGreaterThan(0.5)
})

test('a fold is scored at thresholds that were searched without it', () => {
  const { foldScores, cvMean, cvStd } = assemble({ manifest, spec, folds })
  const expected = folds.map((own, fold) => {
    const { thresholds } = searchThresholds(pooled(folds.toSpliced(fold, 1)), ranges, metric)
    const given = binarise(own.oof.probability, ranges, thresholds, metric)
    return fbetaSamples(given, labelTable(manifest, own.oof.sample), labels, metric.beta)
  })
  foldScores.forEach(({ fold, score }, i) => {
    expect(fold).toBe(i)
    expect(score).toBeCloseTo(expected[i]!, 12)
  })
  const mean = (expected[0]! + expected[1]! + expected[2]!) / 3
  expect(cvMean).toBeCloseTo(mean, 12)
  expect(cvStd).toBeCloseTo(Math.sqrt(expected.reduce((sum, s) => sum + (s - mean) ** 2, 0) / 3), 12)
})

test('a model of some label groups is scored on those alone, on the folds that all labels split', () => {
  const columns = [2, 3, 4, 5]
  const only = ({ sample, probability }: Predictions): Predictions => ({
    sample,
    probability: Float32Array.from(
      { length: sample.length * 4 },
      (_, i) => probability[Math.floor(i / 4) * labels + columns[i % 4]!]!,
    ),
  })
  const special = folds.map(({ fold, oof, test: onTest }) => ({ fold, oof: only(oof), test: only(onTest!) }))
  const assembly = assemble({ manifest, spec: { ...spec, labels: ['tag'] }, folds: special })
  const { probability, actual } = pooled(folds)
  const isTag = (_: number, i: number) => columns.includes(i % labels)
  const tagged = { probability: probability.filter(isTag), actual: actual.filter(isTag) }
  const { score, thresholds } = searchThresholds(tagged, [{ name: 'tag', start: 0, end: 4 }], metric)
  expect(assembly).toMatchObject({ cv: score, thresholds })
  expect(assembly.test!.value).toHaveLength(4 * samplesOf(manifest, 'test').length)
})

test('a lone fold is scored at its own thresholds', () => {
  const alone = assemble({ manifest, spec: { ...spec, folds: { ...spec.folds, only: [1] } }, folds: [folds[1]!] })
  expect(alone.foldScores).toEqual([{ fold: 1, score: alone.cv }])
  expect(alone).toMatchObject({ cvMean: alone.cv, cvStd: 0 })
})

test('the test prediction is the rank average of the folds, cut where ranked OOF is cut best', () => {
  const { test: made } = assemble({ manifest, spec, folds })
  const tables = folds.map((each) => each.test!.probability)
  expect(made!.value).toEqual(rank(rankAverage(tables, labels, 'table'), labels, 'table'))
  expect(made!.space).toBe('rank')
  expect(made!.sample).toEqual(samplesOf(manifest, 'test'))
  const given = binarise(made!.value, ranges, made!.thresholds, metric)
  const score = fbetaSamples(given, labelTable(manifest, made!.sample), labels, metric.beta)
  // Three models agree better than one: noise averages out, and their different scales do not matter.
  expect(score).toBeGreaterThan(assemble({ manifest, spec, folds }).cv)
})

test('the test prediction by mean is of probabilities, cut where OOF is cut best', () => {
  const { test: made, thresholds } = assemble({
    manifest,
    spec: { ...spec, ensemble: { blend: 'mean', scope: 'table' } },
    folds,
  })
  expect(made).toMatchObject({ space: 'probability', thresholds })
  const at = 17
  const mean = folds.reduce((sum, { test: own }) => sum + own!.probability[at]! / 3, 0)
  expect(made!.value[at]).toBeCloseTo(mean, 6)
})

test.each(['map', 'auc', 'log-loss'] as const)('by %s, CV and folds are scored without thresholds', (name) => {
  const blend = { blend: 'mean' as const, scope: 'table' as const }
  const byName = { ...spec, metric: MetricSpec.parse({ name, threshold: 'none' }), ensemble: blend }
  const made = assemble({ manifest, spec: byName, folds, withReport: true })
  const { cv, thresholds, foldScores, report } = made
  expect(thresholds).toEqual([])
  expect(made.test!.thresholds).toEqual([])
  expect(foldScores).toHaveLength(3)
  const { map, auc, logLoss, fbetaSamples: none } = report!.metrics
  expect(cv).toBe({ map, auc, 'log-loss': -logLoss }[name])
  expect(none).toBeNull()
  expect(report!.interval.low).toBeLessThan(cv)
  expect(report!.interval.high).toBeGreaterThan(cv)
})

test('the report has every metric, and bounds of CV that follow from the seed alone', () => {
  const made = assemble({ manifest, spec, folds, withReport: true })
  const { metrics, interval } = made.report!
  expect(metrics.fbetaSamples).toBeCloseTo(made.cv, 12)
  expect(Object.keys(metrics.groups)).toEqual(['culture', 'tag'])
  expect(assemble({ manifest, spec, folds, withReport: true }).report).toEqual(made.report)
  expect(interval.high - interval.low).toBeGreaterThan(0.01)
  expect(assemble({ manifest, spec, folds }).report).toBeNull()
})

test('the order of folds and rows changes nothing', () => {
  const shuffle = ({ sample, probability }: Predictions): Predictions => {
    const order = permutation(streamKey('rows', sample[0]!), sample.length)
    return {
      sample: Int32Array.from(order, (row) => sample[row]!),
      probability: Float32Array.from(
        [...order].flatMap((row) => [...probability.subarray(row * labels, (row + 1) * labels)]),
      ),
    }
  }
  const shuffled = folds.map((each) => ({ ...each, oof: shuffle(each.oof), test: shuffle(each.test!) })).reverse()
  expect(assemble({ manifest, spec, folds: shuffled })).toEqual(assemble({ manifest, spec, folds }))
})

test('without test samples there is no ensemble', () => {
  const trainOnly = { ...manifest, samples: manifest.samples.map((s) => ({ ...s, split: 'train' as const })) }
  const split = splitFolds(trainOnly, spec.folds, spec.seed)
  const own = [0, 1, 2].map((fold) => {
    const sample = Int32Array.from(split.keys()).filter((i) => split[i] === fold)
    return { fold, oof: predict(sample, fold), test: null }
  })
  expect(assemble({ manifest: trainOnly, spec, folds: own }).test).toBeNull()
})

describe('predictions that do not cover their samples exactly once are refused:', () => {
  const [first, ...others] = folds as [FoldPredictions, ...FoldPredictions[]]
  const { sample, probability } = first.oof
  const changed = (value: number) => probability.with(integer(streamKey('at'), 0, probability.length), value)
  const cases: [string, FoldPredictions[]][] = [
    ['a fold is missing', others],
    ['a fold is there twice', [first, first, ...others]],
    ['a row is missing', [{ ...first, oof: { sample: sample.slice(1), probability: probability.slice(labels) } }]],
    ['a row is there twice', [{ ...first, oof: { sample: sample.with(0, sample[1]!), probability } }]],
    [
      'a row is of another fold',
      [{ ...first, oof: { sample: sample.with(0, others[0]!.oof.sample[0]!), probability } }],
    ],
    ['a row is short', [{ ...first, oof: { sample, probability: probability.slice(1) } }]],
    ['a probability is NaN', [{ ...first, oof: { sample, probability: changed(NaN) } }]],
    ['a probability is above 1', [{ ...first, oof: { sample, probability: changed(1.5) } }]],
    ['the test prediction is missing', [{ ...first, test: null }]],
    ['the test prediction is of train samples', [{ ...first, test: first.oof }]],
  ]
  test.each(cases)('%s', (_, given) => {
    const complete = given.length === 1 ? [...given, ...others] : given
    const refused: unknown = expect.objectContaining({ code: 'predictions-incomplete' })
    expect(() => assemble({ manifest, spec, folds: complete })).toThrow(refused)
    // So that the check of one fold lets nothing pass that ends the assembly of all.
    if (given.length === 1) expect(() => checkFold({ manifest, spec, predictions: given[0]! })).toThrow(refused)
  })

  test('and those that do are not, fold by fold', () => {
    for (const predictions of folds) expect(() => checkFold({ manifest, spec, predictions })).not.toThrow()
  })
})
