import { assertNever, averageOf } from '@baton/contracts'
import type { MetricReport, MetricSpec } from '@baton/contracts'
import { fbetaAt } from './candidates.ts'
import type { Candidates, Scored } from './candidates.ts'
import type { LabelRange } from './label-rows.ts'
import { logLossOfSamples } from './log-loss.ts'
import { averagePrecisionOfSamples, forEachColumn } from './ranking.ts'
import type { LabelRanking } from './ranking.ts'
import { countingOf, thresholdSearch } from './search-thresholds.ts'
import type { Space } from './search-thresholds.ts'

/** A table, or a part of one, made ready to be scored. */
export interface Prepared {
  readonly scored: Scored
  readonly candidates: Candidates
}

/** Scores tables by a spec's metric. Several parts count as one table. */
export interface Scorer {
  readonly prepare: (scored: Scored) => Prepared
  /** The best thresholds, one for each label group; none where the metric's threshold has none. */
  readonly search: (parts: readonly Prepared[]) => number[]
  /** The metric; higher is better, so log loss is negative. */
  readonly score: (parts: readonly Prepared[], thresholds: readonly number[]) => number
  /** The metric at the best thresholds; they are not searched where it has none. */
  readonly best: (parts: readonly Prepared[]) => number
}

/** Chance: what is said of AUC where no label has both samples that have it and samples that do not. */
export const aucOfNothing = 0.5

export function scorerOf(metric: MetricSpec, ranges: readonly LabelRange[], space: Space = 'probability'): Scorer {
  const thresholds = thresholdSearch(metric, ranges, space)
  const search: Scorer['search'] = (parts) => thresholds.best(parts.map(({ candidates }) => candidates)).thresholds
  const score: Scorer['score'] = (parts, at) => scoreOf(parts, at, ranges, metric)
  return {
    prepare: (scored) => ({ scored, candidates: thresholds.candidates(scored) }),
    search,
    score,
    best: (parts) => score(parts, metric.name === 'fbeta' ? search(parts) : []),
  }
}

/** A table's score by the metric, at its best thresholds: what a training goes by. Higher is better. */
export function scoreTable(scored: Scored, ranges: readonly LabelRange[], metric: MetricSpec): number {
  const scorer = scorerOf(metric, ranges)
  return scorer.best([scorer.prepare(scored)])
}

/** The one place that knows which way each metric is better: −1 where lower is, so that of scores higher always is. */
export function signOf({ name }: Pick<MetricSpec, 'name'>): 1 | -1 {
  return name === 'log-loss' ? -1 : 1
}

function scoreOf(
  parts: readonly Prepared[],
  thresholds: readonly number[],
  ranges: readonly LabelRange[],
  metric: MetricSpec,
): number {
  const labels = ranges.at(-1)!.end
  const whole = { start: 0, end: labels }
  switch (metric.name) {
    case 'fbeta': {
      const candidates = parts.map((part) => part.candidates)
      return fbetaAt(candidates, thresholds, countingOf(metric, ranges))
    }
    case 'map':
      return averageOf(metric) === 'samples'
        ? mean(valuesOfSamples(parts, metric, labels, whole))
        : meanPrecision(rankingsOf(parts, labels))
    case 'auc':
      return meanAuc(rankingsOf(parts, labels)) ?? aucOfNothing
    case 'log-loss':
      return signOf(metric) * mean(valuesOfSamples(parts, metric, labels, whole))
    default:
      return assertNever(metric.name)
  }
}

/** Of a metric that is a mean over samples and of no thresholds: its value of each sample, lower better for log loss. */
export function valuesOfSamples(
  parts: readonly Prepared[],
  { name }: Pick<MetricSpec, 'name'>,
  labels: number,
  range: { start: number; end: number },
): Float64Array {
  const of = name === 'log-loss' ? logLossOfSamples : averagePrecisionOfSamples
  return Float64Array.from(parts.flatMap(({ scored }) => [...of(scored, labels, range)]))
}

function rankingsOf(parts: readonly Prepared[], labels: number): LabelRanking[] {
  const rankings: LabelRanking[] = []
  const tables = parts.map(({ scored }) => scored)
  forEachColumn(tables, labels, (column) => rankings.push(column.scores()))
  return rankings
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return values.length === 0 ? 0 : sum / values.length
}

/** Labels that no sample has count 0, as in scikit-learn. */
function meanPrecision(rankings: readonly LabelRanking[]): number {
  return mean(rankings.map(({ averagePrecision }) => averagePrecision))
}

/** Over the labels that have both classes; null where none has. */
function meanAuc(rankings: readonly LabelRanking[]): number | null {
  const defined = rankings.flatMap(({ auc }) => (auc === null ? [] : [auc]))
  return defined.length === 0 ? null : mean(defined)
}

/** Every metric of a table, whichever the spec goes by; scores of label groups are of that one. */
export function reportOf(
  parts: readonly Prepared[],
  thresholds: readonly number[],
  ranges: readonly LabelRange[],
  metric: MetricSpec,
): MetricReport {
  const labels = ranges.at(-1)!.end
  const candidates = parts.map((part) => part.candidates)
  const counting = countingOf(metric, ranges)
  const fbeta = (average: 'samples' | 'micro' | 'macro') =>
    metric.threshold === 'none' ? null : fbetaAt(candidates, thresholds, { ...counting, average })
  const rankings = rankingsOf(parts, labels)
  const logLoss = (range: { start: number; end: number }) =>
    mean(valuesOfSamples(parts, { name: 'log-loss' }, labels, range))
  const ofGroup = ({ start, end }: LabelRange, group: number): number | null => {
    switch (metric.name) {
      case 'fbeta':
        return fbetaAt(candidates, thresholds, { ...counting, group })
      case 'map':
        return averageOf(metric) === 'samples'
          ? mean(valuesOfSamples(parts, metric, labels, { start, end }))
          : meanPrecision(rankings.slice(start, end))
      case 'auc':
        return meanAuc(rankings.slice(start, end))
      case 'log-loss':
        return signOf(metric) * logLoss({ start, end })
      default:
        return assertNever(metric.name)
    }
  }
  return {
    fbetaSamples: fbeta('samples'),
    fbetaMicro: fbeta('micro'),
    fbetaMacro: fbeta('macro'),
    map: meanPrecision(rankings),
    auc: meanAuc(rankings),
    logLoss: logLoss({ start: 0, end: labels }),
    groups: Object.fromEntries(ranges.map((range, group) => [range.name, ofGroup(range, group)])),
  }
}
