import type { DatasetManifest, MetricReport, MetricSpec } from '@baton/contracts'
import { scoreInterval } from '../metric/bootstrap.ts'
import type { Interval } from '../metric/bootstrap.ts'
import type { LabelRange } from '../metric/label-rows.ts'
import { reportOf } from '../metric/score.ts'
import type { Prepared, Scorer } from '../metric/score.ts'

/** Scores by the spec's metric: higher is better, whichever it is. */
export interface Scores {
  /** Over all OOF pooled, at `thresholds`: they were searched on the same OOF, so it is slightly optimistic. */
  readonly cv: number
  /** Mean of `foldScores`. */
  readonly cvMean: number
  /** Standard deviation of `foldScores` as a population (divided by their number). */
  readonly cvStd: number
  /** Each fold at what was searched on the other folds only: nested, not optimistic. A lone fold has no others and is scored at its own. */
  readonly foldScores: readonly { fold: number; score: number }[]
  /** Searched on all OOF, one for each label group; none where the metric's threshold has none. */
  readonly thresholds: readonly number[]
}

/** The OOF of all folds, made ready, as they are where something was searched without one of them; null: on all. */
export type TablesWithout = (left: number | null) => readonly Prepared[]

/** @param folds Index of each table's fold. */
export function scoreFolds(folds: readonly number[], tablesWithout: TablesWithout, scorer: Scorer): Scores {
  const all = tablesWithout(null)
  const thresholds = scorer.search(all)
  const foldScores = folds.map((fold, i) => {
    const tables = folds.length === 1 ? all : tablesWithout(i)
    const others = folds.length === 1 ? tables : tables.toSpliced(i, 1)
    return { fold, score: scorer.score([tables[i]!], scorer.search(others)) }
  })
  const scores = foldScores.map(({ score }) => score)
  const cvMean = scores.reduce((sum, score) => sum + score, 0) / scores.length
  return { cv: scorer.score(all, thresholds), cvMean, cvStd: populationStd(scores, cvMean), foldScores, thresholds }
}

function populationStd(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

/** What is said of all OOF beside its scores: too slow to be asked for each time a fold ends. */
export interface Report {
  /** Bounds of `cv`. */
  readonly interval: Interval
  readonly metrics: MetricReport
}

/** @param sample Of each row of the tables laid end to end, its index in the manifest. */
export function report(
  tables: readonly Prepared[],
  { cv, thresholds }: Scores,
  { manifest, sample, ranges, metric, seed }: ReportInput,
): Report {
  const unit = unitsOf(manifest, sample)
  const { low, high } = scoreInterval(tables, thresholds, ranges, metric, { unit, seed })
  return {
    // Of very few samples the percentiles may lie on one side of what was measured.
    interval: { low: Math.min(low, cv), high: Math.max(high, cv) },
    metrics: reportOf(tables, thresholds, ranges, metric),
  }
}

export interface ReportInput {
  readonly manifest: Pick<DatasetManifest, 'samples'>
  readonly sample: readonly number[]
  readonly ranges: readonly LabelRange[]
  readonly metric: MetricSpec
  readonly seed: number
}

/** Numbers of what was chosen together: a dataset's groups, or single samples. */
function unitsOf({ samples }: Pick<DatasetManifest, 'samples'>, rows: readonly number[]): Int32Array {
  const numberOf = new Map<string, number>()
  let next = 0
  return Int32Array.from(rows, (index) => {
    const { group } = samples[index]!
    if (group === null) return next++
    const known = numberOf.get(group)
    if (known !== undefined) return known
    numberOf.set(group, next)
    return next++
  })
}
