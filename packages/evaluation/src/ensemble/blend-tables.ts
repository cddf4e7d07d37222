import type { EnsembleSpec } from '@baton/contracts'
import { rank, rankAverage } from './rank-average.ts'

/** Σ_m w_m · p_m; every model with the same weight unless they are given. */
export function weightedMean(tables: readonly Float32Array[], weights?: readonly number[]): Float32Array {
  const sum = new Float32Array(tables[0]!.length)
  tables.forEach((table, model) => {
    const weight = weights === undefined ? 1 / tables.length : weights[model]!
    if (weight === 0) return
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * table[i]!
  })
  return sum
}

/**
 * Several models' predictions of the same samples as one, every model with the same weight: the mean of their
 * probabilities, or of their ranks, ranked once more.
 *
 * @param tables One row-major table for each model. [n, labels] each, at least one
 * @returns Probabilities, or ranks in (0, 1). [n, labels]
 */
export function blendTables(
  tables: readonly Float32Array[],
  labels: number,
  { blend, scope }: EnsembleSpec,
): Float32Array {
  return blend === 'mean' ? weightedMean(tables) : rank(rankAverage(tables, labels, scope), labels, scope)
}
