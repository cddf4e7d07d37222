/**
 * Which values a value is ranked among: `label`, those of the same label over the samples (label frequencies are lost,
 * so one threshold for many labels means nothing there), or `table`, all values of the model (a monotone map of its
 * probabilities, which thresholds survive).
 */
export type RankScope = 'label' | 'table'

/** How many values of an ascending array are below `value`, or also equal to it. */
function countBelow(sorted: Float32Array, value: number, orEqual: boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value || (orEqual && sorted[middle] === value)) low = middle + 1
    else high = middle
  }
  return low
}

/** Ranks the values at `start`, `start + stride`, … of `from` into the same places of `to`. */
function rankColumn(from: Float32Array, to: Float32Array, start: number, stride: number): void {
  const n = Math.ceil((from.length - start) / stride)
  const sorted = new Float32Array(n)
  for (let i = 0; i < n; i++) sorted[i] = from[start + i * stride]!
  sorted.sort()
  for (let at = start; at < from.length; at += stride) {
    const below = countBelow(sorted, from[at]!, false)
    const notAbove = countBelow(sorted, from[at]!, true)
    // Equal values have ranks below + 1 to notAbove; the mean of those, less ½, is (below + notAbove) / 2.
    to[at] = (below + notAbove) / (2 * n)
  }
}

/**
 * Ranks of a model's predictions.
 *
 *   r(i, c) = (rank of p(i, c) among the values in scope − ½) / n,  ties by mean rank
 *
 * @param probability Row-major. [n, labels]
 * @returns In (0, 1). [n, labels]
 */
export function rank(probability: Float32Array, labels: number, scope: RankScope): Float32Array {
  const ranks = new Float32Array(probability.length)
  const columns = scope === 'table' ? 1 : labels
  for (let column = 0; column < columns; column++) rankColumn(probability, ranks, column, columns)
  return ranks
}

/**
 * Mean of the models' ranks, every model with the same weight: models that are calibrated differently count alike.
 *
 * @param tables One row-major table for each model, rows in the same order. [n, labels] each, at least one
 * @returns In (0, 1). [n, labels]
 */
export function rankAverage(tables: readonly Float32Array[], labels: number, scope: RankScope): Float32Array {
  const mean = new Float32Array(tables[0]!.length)
  for (const table of tables) {
    const ranks = rank(table, labels, scope)
    for (let i = 0; i < mean.length; i++) mean[i]! += ranks[i]! / tables.length
  }
  return mean
}
