import { ascending } from '../numbers/ascending.ts'

/**
 * Which values a value is ranked among: `label`, those of the same label over the samples (label frequencies are lost,
 * so one threshold for many labels means nothing there), or `table`, all values of the model (a monotone map of its
 * probabilities, which thresholds survive).
 */
export type RankScope = 'label' | 'table'

/** (rank − ½) / n of each value, ties by their mean rank. */
function rankValues(values: Float32Array): Float32Array {
  const n = values.length
  const order = ascending(values)
  const ranks = new Float32Array(n)
  for (let first = 0; first < n;) {
    let end = first + 1
    while (end < n && values[order[end]!] === values[order[first]!]) end++
    // Equal values have ranks first + 1 to end; the mean of those, less ½, is (first + end) / 2.
    for (let i = first; i < end; i++) ranks[order[i]!] = (first + end) / (2 * n)
    first = end
  }
  return ranks
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
  if (scope === 'table') return rankValues(probability)
  const ranks = new Float32Array(probability.length)
  const column = new Float32Array(probability.length / labels)
  for (let label = 0; label < labels; label++) {
    for (let row = 0; row < column.length; row++) column[row] = probability[row * labels + label]!
    rankValues(column).forEach((value, row) => (ranks[row * labels + label] = value))
  }
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
