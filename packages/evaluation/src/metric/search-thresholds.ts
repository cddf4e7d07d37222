import type { MetricSpec } from '@baton/contracts'
import { topColumns } from './binarise.ts'
import type { LabelRange } from './binarise.ts'
import { fbeta } from './fbeta.ts'

/** Predictions with the truth beside them. */
export interface Scored {
  readonly probability: Float32Array // [n, labels]
  readonly actual: Uint8Array // [n, labels], 0 or 1
}

/** 0.01, 0.02, … 0.99. */
export const probabilityGrid: readonly number[] = Array.from({ length: 99 }, (_, i) => (i + 1) / 100)

/**
 * What of a table can ever be given to its samples: their K_max highest values above the grid's lowest threshold, and
 * their K_min highest. Searching looks at these few only, never at the table again.
 */
export interface Candidates {
  /** Row i holds entries [rowStart[i], rowStart[i + 1]), highest value first. [n + 1] */
  readonly rowStart: Int32Array
  readonly value: Float32Array // [entries]
  /** Index of the entry's label group. [entries] */
  readonly group: Uint8Array
  /** Whether the sample has the label. [entries] */
  readonly hit: Uint8Array
  /** Labels each sample has. [n] */
  readonly actual: Int32Array
}

/** @param lowest The lowest threshold that will be asked about. */
export function candidatesOf(
  { probability, actual }: Scored,
  ranges: readonly LabelRange[],
  { minLabels, maxLabels }: Pick<MetricSpec, 'minLabels' | 'maxLabels'>,
  lowest: number,
): Candidates {
  const labels = ranges.at(-1)!.end
  const n = probability.length / labels
  const groupOf = new Uint8Array(labels)
  ranges.forEach(({ start, end }, group) => groupOf.fill(group, start, end))
  const rowStart = new Int32Array(n + 1)
  const entries: number[] = [] // index into the table
  const actualOf = new Int32Array(n)
  const top = new Int32Array(Math.min(maxLabels, labels))
  for (let i = 0; i < n; i++) {
    const row = probability.subarray(i * labels, (i + 1) * labels)
    const count = topColumns(row, top.length, top)
    for (let rank = 0; rank < count; rank++)
      if (rank < minLabels || row[top[rank]!]! > lowest) entries.push(i * labels + top[rank]!)
    rowStart[i + 1] = entries.length
    for (let j = i * labels; j < (i + 1) * labels; j++) actualOf[i]! += actual[j]!
  }
  return {
    rowStart,
    value: Float32Array.from(entries, (at) => probability[at]!),
    group: Uint8Array.from(entries, (at) => groupOf[at % labels]!),
    hit: Uint8Array.from(entries, (at) => actual[at]!),
    actual: actualOf,
  }
}

/** Mean F-beta over the samples of all parts at these thresholds, one for each group. 0 without samples. */
export function scoreAt(
  parts: readonly Candidates[],
  thresholds: ArrayLike<number>,
  { beta, minLabels }: Pick<MetricSpec, 'beta' | 'minLabels'>,
): number {
  let sum = 0
  let n = 0
  for (const { rowStart, value, group, hit, actual } of parts) {
    for (let row = 0; row < actual.length; row++) {
      const start = rowStart[row]!
      let given = 0
      let both = 0
      for (let i = start; i < rowStart[row + 1]!; i++) {
        if (i - start >= minLabels && !(value[i]! > thresholds[group[i]!]!)) continue
        given++
        both += hit[i]!
      }
      sum += fbeta(both, given, actual[row]!, beta)
    }
    n += actual.length
  }
  return n === 0 ? 0 : sum / n
}

/** As `searchThresholds`, over candidates; several parts count as one table. */
export function searchCandidates(
  parts: readonly Candidates[],
  groups: number,
  metric: MetricSpec,
  grid: readonly number[],
): { thresholds: number[]; score: number } {
  let thresholds = new Array<number>(groups).fill(grid[0]!)
  let score = scoreAt(parts, thresholds, metric)
  const improve = (proposalOf: (t: number) => number[]) => {
    const before = score
    for (const t of grid) {
      const proposal = proposalOf(t)
      const proposed = scoreAt(parts, proposal, metric)
      if (proposed > score) [thresholds, score] = [proposal, proposed]
    }
    return score > before
  }
  improve((t) => new Array<number>(groups).fill(t))
  if (metric.threshold === 'global' || groups === 1) return { thresholds, score }
  for (let unchanged = 0, group = 0; unchanged < groups; group = (group + 1) % groups) {
    const current = thresholds
    unchanged = improve((t) => current.with(group, t)) ? 0 : unchanged + 1
  }
  return { thresholds, score }
}

/**
 * The thresholds of the grid with the best mean F-beta over samples.
 *
 *   t* = argmax F_β(binarise(p, t));  the lowest t of equally good ones
 *
 * `global`: one t for all groups, exact over the grid. `grouped`: from the best global t, one group after the other is
 * moved to its best t while the others stay, until no group gains any more: a local optimum, never below `global`.
 *
 * The score is measured on the data that chose the thresholds, so it is optimistic for other data.
 *
 * @param ranges Label groups, laid end to end: they cover every column.
 * @param grid Ascending thresholds; 0.01 to 0.99 in steps of 0.01 unless given.
 * @returns One threshold for each range, and the F-beta they reach.
 */
export function searchThresholds(
  scored: Scored,
  ranges: readonly LabelRange[],
  metric: MetricSpec,
  grid: readonly number[] = probabilityGrid,
): { thresholds: number[]; score: number } {
  return searchCandidates([candidatesOf(scored, ranges, metric, grid[0]!)], ranges.length, metric, grid)
}
