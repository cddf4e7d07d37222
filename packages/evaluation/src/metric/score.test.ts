import { MetricSpec } from '@baton/contracts'
import { integer, streamKey, uniform } from '@baton/random'
import { describe, expect, test } from 'vitest'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { percentile, scoreInterval } from './bootstrap.ts'
import { fbetaAt } from './candidates.ts'
import { forEachColumn } from './ranking.ts'
import type { LabelRanking } from './ranking.ts'
import { reportOf, scorerOf, scoreTable } from './score.ts'

const { ranges, labels, weights, groups, ...expected } = reference.metric
const table = {
  probability: Float32Array.from(expected.probability),
  actual: Uint8Array.from(expected.actual),
}
const cuts = [expected.threshold, expected.threshold]

/** In two parts, as folds come. */
const parts = [0, 20].map((from, i) => {
  const to = i === 0 ? 20 : 50
  return {
    probability: table.probability.slice(from * labels, to * labels),
    actual: table.actual.slice(from * labels, to * labels),
  }
})

/** Without limits on the number of labels, as scikit-learn knows none. */
const unlimited = { minLabels: 0, maxLabels: labels, threshold: 'global' }
const metricOf = (spec: object) => MetricSpec.parse({ ...unlimited, ...spec })

function prepared(metric: MetricSpec) {
  const scorer = scorerOf(metric, ranges)
  return { scorer, tables: parts.map((part) => scorer.prepare(part)) }
}

describe('agrees with scikit-learn, ties and labels of one class included:', () => {
  test.each(['samples', 'micro', 'macro'] as const)('F-beta, %s', (average) => {
    const { scorer, tables } = prepared(metricOf({ average }))
    expect(scorer.score(tables, cuts)).toBeCloseTo(expected.fbeta[average], 12)
    const weightsOfParts = [weights.slice(0, 20), weights.slice(20)]
    const counting = { beta: 2, average, ranges, weights: weightsOfParts }
    const candidates = tables.map((part) => part.candidates)
    expect(fbetaAt(candidates, cuts, counting)).toBeCloseTo(expected.fbetaWeighted[average], 12)
  })

  test('average precision and AUC of each label, and their means', () => {
    const rankings: LabelRanking[] = []
    forEachColumn(parts, labels, (column) => rankings.push(column.scores()))
    rankings.forEach(({ averagePrecision, auc }, label) => {
      expect(averagePrecision).toBeCloseTo(expected.averagePrecision[label]!, 12)
      expect(auc !== null).toBe(expected.aucLabels.includes(label))
    })
    expect(scoreTable(table, ranges, metricOf({ name: 'map' }))).toBeCloseTo(expected.map, 12)
    expect(scoreTable(table, ranges, metricOf({ name: 'auc' }))).toBeCloseTo(expected.auc, 12)
  })

  test('average precision and AUC of weighted samples', () => {
    let map = 0
    const aucs: number[] = []
    forEachColumn(parts, labels, (column) => {
      const { averagePrecision, auc } = column.scores(Uint8Array.from(weights))
      map += averagePrecision / labels
      if (auc !== null) aucs.push(auc)
    })
    expect(map).toBeCloseTo(expected.mapWeighted, 12)
    expect(aucs.reduce((a, b) => a + b, 0) / aucs.length).toBeCloseTo(expected.aucWeighted, 12)
  })

  test('label ranking average precision', () => {
    expect(scoreTable(table, ranges, metricOf({ name: 'map', average: 'samples' }))).toBeCloseTo(expected.lrap, 12)
  })

  test('log loss, negative as a score', () => {
    expect(scoreTable(table, ranges, metricOf({ name: 'log-loss' }))).toBeCloseTo(-expected.logLoss, 12)
  })

  const byGroup: [spec: object, reference: keyof typeof groups, sign: number][] = [
    [{ average: 'samples' }, 'fbetaSamples', 1],
    [{ average: 'micro' }, 'fbetaMicro', 1],
    [{ average: 'macro' }, 'fbetaMacro', 1],
    [{ name: 'map' }, 'map', 1],
    [{ name: 'map', average: 'samples' }, 'lrap', 1],
    [{ name: 'auc' }, 'auc', 1],
    [{ name: 'log-loss' }, 'logLoss', -1],
  ]
  test.each(byGroup)('scores of label groups of %o', (spec, name, sign) => {
    const metric = metricOf(spec)
    const found = reportOf(prepared(metric).tables, cuts, ranges, metric)
    for (const [group, score] of Object.entries(groups[name])) expect(found.groups[group]).toBeCloseTo(sign * score, 12)
  })

  test('all of it in one report', () => {
    const metric = metricOf({})
    const found = reportOf(prepared(metric).tables, cuts, ranges, metric)
    expect(found.fbetaSamples).toBeCloseTo(expected.fbeta.samples, 12)
    expect(found.fbetaMicro).toBeCloseTo(expected.fbeta.micro, 12)
    expect(found.fbetaMacro).toBeCloseTo(expected.fbeta.macro, 12)
    expect(found.map).toBeCloseTo(expected.map, 12)
    expect(found.auc).toBeCloseTo(expected.auc, 12)
    expect(found.logLoss).toBeCloseTo(expected.logLoss, 12)
  })
})

test('AUC of labels that tell nothing apart is chance as a score, and missing in the report', () => {
  const metric = metricOf({ name: 'auc' })
  const flat = { probability: Float32Array.of(0.2, 0.8), actual: Uint8Array.of(1, 1) }
  const one = [{ name: 'all', start: 0, end: 1 }]
  expect(scoreTable(flat, one, metric)).toBe(0.5)
  const scorer = scorerOf(metric, one)
  expect(reportOf([scorer.prepare(flat)], [0.5], one, metric).auc).toBeNull()
})

describe('the bootstrap interval', () => {
  const unit = Int32Array.from({ length: 50 }, (_, i) => i)

  test('takes percentiles as NumPy does', () => {
    const { values, low, high } = reference.percentile
    const sorted = Float64Array.from(values)
    expect(percentile(sorted, 0.025)).toBeCloseTo(low, 12)
    expect(percentile(sorted, 0.975)).toBeCloseTo(high, 12)
  })

  test.each([{ name: 'fbeta' }, { name: 'map' }, { name: 'auc' }, { name: 'log-loss' }])(
    'of $name lies around the score, and is the same again for the same seed alone',
    (spec) => {
      const metric = metricOf(spec)
      const { scorer, tables } = prepared(metric)
      const interval = (seed: number) => scoreInterval(tables, cuts, ranges, metric, { unit, seed })
      const score = scorer.score(tables, cuts)
      expect(interval(1).low).toBeLessThan(score)
      expect(interval(1).high).toBeGreaterThan(score)
      expect(interval(1)).toEqual(interval(1))
      expect(interval(2)).not.toEqual(interval(1))
    },
  )

  test('is as wide as the standard error of a mean says', () => {
    const metric = metricOf({ name: 'log-loss' })
    const n = 400
    const one = [{ name: 'all', start: 0, end: 1 }]
    const p = Float32Array.from({ length: n }, (_, i) => uniform(streamKey('p'), i))
    const actual = Uint8Array.from(p, (of, i) => (uniform(streamKey('y'), i) < of ? 1 : 0))
    const losses = Array.from(p, (of, i) => -Math.log(actual[i] === 1 ? of : 1 - of))
    const mean = losses.reduce((a, b) => a + b, 0) / n
    const error = Math.sqrt(losses.reduce((sum, l) => sum + (l - mean) ** 2, 0) / n / n)
    const each = Int32Array.from({ length: n }, (_, i) => i)
    const tables = [scorerOf(metric, one).prepare({ probability: p, actual })]
    const { low, high } = scoreInterval(tables, [], one, metric, { unit: each, seed: 5 })
    expect(high - low).toBeGreaterThan(2 * 1.96 * error * 0.9)
    expect(high - low).toBeLessThan(2 * 1.96 * error * 1.1)
    // The same samples four times over tell no more, where the four of a sample are drawn together.
    const four = {
      probability: Float32Array.from(p, (_, i) => p[i % 100]!),
      actual: actual.map((_, i) => actual[i % 100]!),
    }
    const together = [scorerOf(metric, one).prepare(four)]
    const bounds = (units: Int32Array) => scoreInterval(together, [], one, metric, { unit: units, seed: 5 })
    const width = ({ low: a, high: b }: { low: number; high: number }) => b - a
    expect(width(bounds(each.map((i) => i % 100)))).toBeGreaterThan(1.7 * width(bounds(each)))
  })

  test('scores a column under several draws as under each alone', () => {
    const rows = table.actual.length / labels
    const alone = [1, 2, 3].map((seed) => Uint8Array.from({ length: rows }, (_, i) => integer(streamKey(seed), i, 3)))
    const draws = {
      weights: Uint8Array.from({ length: rows * 3 }, (_, at) => alone[at % 3]![Math.floor(at / 3)]!),
      totals: Float64Array.from(alone, (weights) => weights.reduce((sum, weight) => sum + weight, 0)),
    }
    forEachColumn(parts, labels, (column) =>
      expect(column.scoresOf(draws)).toEqual(alone.map((weights) => column.scores(weights))),
    )
  })

  test('draws whole groups', () => {
    const metric = metricOf({ name: 'log-loss' })
    const one = [{ name: 'all', start: 0, end: 1 }]
    const p = Float32Array.from({ length: 8 }, (_, i) => 0.1 + integer(streamKey('g'), i, 8) / 10)
    const tables = [scorerOf(metric, one).prepare({ probability: p, actual: new Uint8Array(8).fill(1) })]
    const { low, high } = scoreInterval(tables, [], one, metric, { unit: new Int32Array(8), seed: 1 })
    expect(high - low).toBeCloseTo(0, 12)
  })
})
