import type { GivingSpec, LabelRange } from './label-rows.ts'
import { rowChooser, scaled } from './label-rows.ts'

/**
 * The labels a sample is given.
 *
 *   given(i, c) = (s(i, c) > t_c and p(i, c) is among the K_max highest of the sample) or it is among the K_min highest
 *
 * `s` is `p`, for `max-over-k` p(i, c) / max_j p(i, j), of which the thresholds are 1 / k. Limits of label groups hold
 * before those of all labels (`rowChooser`). For `expected-fbeta` there are no thresholds. Ties in "highest" go to the
 * lower column. Values (float32) and thresholds (float64) compare as numbers.
 *
 * @param probability Row-major, or scores of any other scale that the thresholds share. [n, labels]
 * @param ranges Label groups, laid end to end: they cover every column.
 * @param thresholds One for each range; none for `expected-fbeta`.
 * @param factor What the thresholds of a row are multiplied by; 1 where it is left out. [n]
 * @returns 0 or 1. [n, labels]
 */
export function binarise(
  probability: Float32Array,
  ranges: readonly LabelRange[],
  thresholds: readonly number[],
  giving: GivingSpec,
  factor?: Float32Array,
): Uint8Array {
  const labels = ranges.at(-1)!.end
  const thresholdOf = new Float64Array(labels)
  ranges.forEach(({ start, end }, group) => thresholdOf.fill(thresholds[group] ?? Infinity, start, end))
  const given = new Uint8Array(probability.length)
  const choose = rowChooser(ranges, giving)
  for (let start = 0; start < probability.length; start += labels) {
    const row = probability.subarray(start, start + labels)
    const { columns, count, certain, scale } = choose(row, factor?.[start / labels])
    for (let place = 0; place < count; place++) {
      const column = columns[place]!
      if (place < certain || scaled(row[column]!, scale) > thresholdOf[column]!) given[start + column] = 1
    }
  }
  return given
}
