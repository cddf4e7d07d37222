import { assertNever, averageOf } from '@baton/contracts'
import type { MetricSpec } from '@baton/contracts'
import { bulkWords, streamKey } from '@baton/random'
import { fbetaAt, fbetaOfSamples } from './candidates.ts'
import type { LabelRange } from './label-rows.ts'
import { forEachColumn } from './ranking.ts'
import type { Draws, LabelRanking } from './ranking.ts'
import { aucOfNothing, signOf, valuesOfSamples } from './score.ts'
import type { Prepared } from './score.ts'
import { countingOf } from './search-thresholds.ts'

/** How often samples are drawn anew; less often where each draw goes over every value of the table. */
const resamples = 1000
const resamplesOfTable = 200

/** Bounds of a score. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Bounds between which a score lies with 95 % certainty, as far as the choice of samples goes: percentile bootstrap.
 *
 *   draw as many units as there are, with replacement; score what was drawn; the 2.5th and 97.5th percentile of that
 *
 * Units are groups of samples, which were chosen together, or single samples. Thresholds stay what they are, and so does
 * the training: what other folds or another seed would change is not in it.
 *
 * @param unit Of each row of the parts laid end to end, the number of its unit, 0-based. [n]
 * @param seed Decides what is drawn: equal input gives equal bounds.
 * @see Efron, Tibshirani: An Introduction to the Bootstrap, 1993, section 13.3
 */
export function scoreInterval(
  parts: readonly Prepared[],
  thresholds: readonly number[],
  ranges: readonly LabelRange[],
  metric: MetricSpec,
  { unit, seed }: { unit: Int32Array; seed: number },
): Interval {
  const units = unit.reduce((most, of) => Math.max(most, of + 1), 0)
  const draw = (resample: number) => weightsOf(unit, units, seed, resample)
  const scores = scoresOfResamples(parts, thresholds, ranges, metric, draw).sort()
  return { low: percentile(scores, 0.025), high: percentile(scores, 0.975) }
}

/**
 * How often each row was drawn. A byte holds that: at most as often as there are units, and of more than 255 units none
 * comes 256 times, whose probability is below 10⁻⁵⁰⁰.
 */
function weightsOf(unit: Int32Array, units: number, seed: number, resample: number): Uint8Array {
  // A block of Philox for each would be most of the work: of 100,000 samples there are 10⁸ draws.
  const next = bulkWords(streamKey(seed, 'bootstrap'), resample)
  const drawn = new Uint8Array(units)
  for (let i = 0; i < units; i++) drawn[Math.floor((next() * units) / 0x1_0000_0000)]!++
  return unit.length === units ? drawn : Uint8Array.from(unit, (of) => drawn[of]!)
}

type Draw = (resample: number) => Uint8Array

function scoresOfResamples(
  parts: readonly Prepared[],
  thresholds: readonly number[],
  ranges: readonly LabelRange[],
  metric: MetricSpec,
  draw: Draw,
): Float64Array {
  const labels = ranges.at(-1)!.end
  switch (metric.name) {
    case 'fbeta': {
      const candidates = parts.map((part) => part.candidates)
      const counting = countingOf(metric, ranges)
      if (counting.average === 'samples') return scoresOfMeans(fbetaOfSamples(candidates, thresholds, counting), draw)
      return each(resamples, (resample) =>
        fbetaAt(candidates, thresholds, { ...counting, weights: byPart(draw(resample), parts, labels) }),
      )
    }
    case 'auc':
      return scoresOfColumns(parts, labels, draw, ({ auc }) => auc)
    case 'map':
      if (averageOf(metric) === 'macro')
        return scoresOfColumns(parts, labels, draw, ({ averagePrecision }) => averagePrecision)
      return scoresOfMeans(valuesOfSamples(parts, metric, labels, { start: 0, end: labels }), draw)
    case 'log-loss':
      return scoresOfMeans(valuesOfSamples(parts, metric, labels, { start: 0, end: labels }), draw).map(
        (loss) => signOf(metric) * loss,
      )
    default:
      return assertNever(metric.name)
  }
}

function each(count: number, of: (resample: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, resample) => of(resample))
}

function byPart(weights: Uint8Array, parts: readonly Prepared[], labels: number): Uint8Array[] {
  let row = 0
  return parts.map(({ scored }) => weights.subarray(row, (row += scored.actual.length / labels)))
}

function scoresOfMeans(values: Float64Array, draw: Draw): Float64Array {
  return each(resamples, (resample) => {
    const weights = draw(resample)
    let sum = 0
    let n = 0
    for (let i = 0; i < values.length; i++) {
      sum += weights[i]! * values[i]!
      n += weights[i]!
    }
    return sum / n
  })
}

/** Each column is sorted once, and scored by all draws before the next one; a mean over the columns that have a score. */
function scoresOfColumns(
  parts: readonly Prepared[],
  labels: number,
  draw: Draw,
  scoreOf: (ranking: LabelRanking) => number | null,
): Float64Array {
  const draws = drawsOf(draw)
  const sums = new Float64Array(resamplesOfTable)
  const counts = new Float64Array(resamplesOfTable)
  const tables = parts.map(({ scored }) => scored)
  forEachColumn(tables, labels, (column) => {
    column.scoresOf(draws).forEach((ranking, resample) => {
      const score = scoreOf(ranking)
      if (score === null) return
      sums[resample]! += score
      counts[resample]!++
    })
  })
  return sums.map((sum, resample) => (counts[resample] === 0 ? aucOfNothing : sum / counts[resample]!))
}

function drawsOf(draw: Draw): Draws {
  const rows = draw(0).length
  const weights = new Uint8Array(rows * resamplesOfTable)
  const totals = new Float64Array(resamplesOfTable)
  for (let resample = 0; resample < resamplesOfTable; resample++)
    draw(resample).forEach((weight, row) => {
      weights[row * resamplesOfTable + resample] = weight
      totals[resample]! += weight
    })
  return { weights, totals }
}

/** Between the two nearest of the values in proportion, as NumPy's `percentile` does. @param sorted Ascending. */
export function percentile(sorted: Float64Array, part: number): number {
  const place = part * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below]!
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!
  return low + (high - low) * (place - below)
}
