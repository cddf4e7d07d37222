import { assertNever, averageOf } from '@baton/contracts'
import type { MetricSpec } from '@baton/contracts'
import { candidatesOf, fbetaAt } from './candidates.ts'
import type { Candidates, Counting, Scored } from './candidates.ts'
import type { LabelRange } from './label-rows.ts'

/** What the values of a table are: thresholds lie elsewhere for each. */
export type Space = 'probability' | 'rank'

/** 0.01, 0.02, … 0.99. */
const probabilityGrid: readonly number[] = Array.from({ length: 99 }, (_, i) => (i + 1) / 100)

/** 1 / k for k from 20 down to 1.25 in steps of a quarter. */
const overKGrid: readonly number[] = Array.from({ length: 76 }, (_, i) => 1 / (20 - i / 4))

/**
 * Thresholds for ranks of scope `table`: above 1 − m / labels lie m values for each sample on average.
 * 99 of them, for m from K_max down to K_max / 99.
 */
function rankGrid(labels: number, { maxLabels }: MetricSpec): number[] {
  const most = Math.min(maxLabels, labels)
  return Array.from({ length: 99 }, (_, i) => 1 - (most * (99 - i)) / 99 / labels)
}

/** The thresholds that are tried, ascending; none where they are not searched over a grid. */
function gridOf(metric: MetricSpec, labels: number, space: Space): readonly number[] {
  const { threshold, k } = metric
  switch (threshold) {
    case 'global':
    case 'grouped':
    case 'distance':
      return space === 'rank' ? rankGrid(labels, metric) : probabilityGrid
    case 'max-over-k':
      return k === null ? overKGrid : [1 / k]
    case 'count-matched':
    case 'expected-fbeta':
    case 'none':
      return []
    default:
      return assertNever(threshold)
  }
}

/** How F-beta is counted that thresholds are searched for: over samples where the metric is another. */
export function countingOf(metric: MetricSpec, ranges: readonly LabelRange[]): Counting {
  return { beta: metric.beta, ranges, average: metric.name === 'fbeta' ? averageOf(metric) : 'samples' }
}

/** What thresholds are searched on; several parts count as one table. */
export interface ThresholdSearch {
  readonly candidates: (scored: Scored) => Candidates
  readonly best: (parts: readonly Candidates[]) => Found
}

export interface Found {
  /** One for each label group; none where the metric has none. */
  readonly thresholds: number[]
  /** F-beta at them. */
  readonly score: number
}

/**
 * The search for the thresholds of a metric.
 *
 *   t* = argmax F_β(binarise(p, t));  the lowest t of equally good ones
 *
 * `global`: one t for all groups, exact over the grid. `grouped`: from the best global t, one group after the other is
 * moved to its best t while the others stay, until no group gains any more: a local optimum, never below `global`.
 * `distance`: the same, of values divided by their row's factor.
 * `max-over-k`: t = 1/k, the same for all groups, exact over k of 1.25, 1.5, … 20, or the given one. `count-matched`: see
 * `matchCount`. `expected-fbeta` needs none.
 *
 * The score is measured on the data that chose the thresholds, so it is optimistic for other data.
 *
 * @param ranges Label groups, laid end to end: they cover every column.
 */
export function thresholdSearch(metric: MetricSpec, ranges: readonly LabelRange[], space: Space): ThresholdSearch {
  const grid = gridOf(metric, ranges.at(-1)!.end, space)
  const counting = countingOf(metric, ranges)
  return {
    candidates: (scored) => candidatesOf(scored, ranges, metric, grid[0] ?? 0),
    best: (parts) => {
      switch (metric.threshold) {
        case 'global':
        case 'max-over-k':
          return searchGrid(parts, counting, grid, false)
        case 'grouped':
        case 'distance':
          return searchGrid(parts, counting, grid, true)
        case 'count-matched': {
          const thresholds = new Array<number>(ranges.length).fill(matchCount(parts, metric.labelsPerSample))
          return { thresholds, score: fbetaAt(parts, thresholds, counting) }
        }
        case 'expected-fbeta':
        case 'none':
          return { thresholds: [], score: fbetaAt(parts, [], counting) }
        default:
          return assertNever(metric.threshold)
      }
    },
  }
}

function searchGrid(
  parts: readonly Candidates[],
  counting: Counting,
  grid: readonly number[],
  perGroup: boolean,
): Found {
  const groups = counting.ranges.length
  let thresholds = new Array<number>(groups).fill(grid[0]!)
  let score = fbetaAt(parts, thresholds, counting)
  const improve = (proposalOf: (t: number) => number[]) => {
    const before = score
    for (const t of grid) {
      const proposal = proposalOf(t)
      const proposed = fbetaAt(parts, proposal, counting)
      if (proposed > score) [thresholds, score] = [proposal, proposed]
    }
    return score > before
  }
  improve((t) => new Array<number>(groups).fill(t))
  if (!perGroup || groups === 1) return { thresholds, score }
  for (let unchanged = 0, group = 0; unchanged < groups; group = (group + 1) % groups) {
    const current = thresholds
    unchanged = improve((t) => current.with(group, t)) ? 0 : unchanged + 1
  }
  return { thresholds, score }
}

/**
 * The threshold at which samples are given so many labels on average, limits included; ties of values may keep it from
 * being exact, and then it is the nearest number, of two as near the smaller. It lies halfway between two values.
 *
 * @param labelsPerSample Null: as many as the samples have.
 */
function matchCount(parts: readonly Candidates[], labelsPerSample: number | null): number {
  const rows = parts.reduce((sum, { certainEnd }) => sum + certainEnd.length, 0)
  const had = parts.reduce((sum, { truthRow }) => sum + truthRow.length, 0)
  let certain = 0
  const open: number[] = []
  for (const { rowStart, certainEnd, value } of parts)
    for (let row = 0; row < certainEnd.length; row++) {
      certain += certainEnd[row]! - rowStart[row]!
      for (let i = certainEnd[row]!; i < rowStart[row + 1]!; i++) open.push(value[i]!)
    }
  const wanted = (labelsPerSample === null ? had : labelsPerSample * rows) - certain
  const descending = Float32Array.from(open).sort().reverse()
  let best = 1
  let bestMiss = Math.abs(wanted)
  for (let given = 1; given <= descending.length; given++) {
    const [last, next] = [descending[given - 1]!, descending[given] ?? 0]
    if (next === last) continue
    const miss = Math.abs(given - wanted)
    if (miss < bestMiss) [best, bestMiss] = [(last + next) / 2, miss]
  }
  return best
}
