import type { MetricSpec } from '@baton/contracts'

/** Column range [start, end) of a group of labels that shares a threshold; `labelRanges` of contracts gives them. */
export interface LabelRange {
  readonly start: number
  readonly end: number
}

/**
 * Writes the columns of a row's `k` highest values into `top`, highest first, ties by the lower column.
 * @returns How many were written: `k`, or all columns if there are fewer.
 */
export function topColumns(row: Float32Array, k: number, top: Int32Array): number {
  let count = 0
  for (let column = 0; column < row.length; column++) {
    const value = row[column]!
    if (count === k && !(value > row[top[count - 1]!]!)) continue
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (row[top[middle]!]! >= value) low = middle + 1
      else high = middle
    }
    if (low >= k) continue
    top.copyWithin(low + 1, low, Math.min(count, k - 1))
    top[low] = column
    count = Math.min(count + 1, k)
  }
  return count
}

/**
 * The labels a sample is given.
 *
 *   given(i, c) = (p > t_c and p is among the K_max highest of the sample) or p is among its K_min highest
 *
 * Ties in "highest" go to the lower column. Probabilities (float32) and thresholds (float64) compare as numbers.
 *
 * @param probability Row-major, or scores of any other scale that the thresholds share. [n, labels]
 * @param ranges Label groups, laid end to end: they cover every column.
 * @param thresholds One for each range.
 * @returns 0 or 1. [n, labels]
 */
export function binarise(
  probability: Float32Array,
  ranges: readonly LabelRange[],
  thresholds: readonly number[],
  { minLabels, maxLabels }: Pick<MetricSpec, 'minLabels' | 'maxLabels'>,
): Uint8Array {
  const labels = ranges.at(-1)!.end
  const thresholdOf = new Float64Array(labels)
  ranges.forEach(({ start, end }, group) => thresholdOf.fill(thresholds[group]!, start, end))
  const given = new Uint8Array(probability.length)
  const top = new Int32Array(Math.min(maxLabels, labels))
  for (let start = 0; start < probability.length; start += labels) {
    const row = probability.subarray(start, start + labels)
    const count = topColumns(row, top.length, top)
    for (let rank = 0; rank < count; rank++) {
      const column = top[rank]!
      if (rank < minLabels || row[column]! > thresholdOf[column]!) given[start + column] = 1
    }
  }
  return given
}
