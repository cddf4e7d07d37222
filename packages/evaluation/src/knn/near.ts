import type { Near } from '../samples.ts'

/** Predictions with what the nearest neighbours say of the same samples. */
export interface WithNear {
  readonly probability: Float32Array // [n, labels]
  readonly near: Near
}

/** p' = (1 − w) · p + w · vote. [n, labels] */
export function withVote({ probability, near: { vote } }: WithNear, weight: number): Float32Array {
  return weight === 0 ? probability : probability.map((p, i) => (1 - weight) * p + weight * vote[i]!)
}

/**
 * How far samples are in terms of what is usual: d / the mean d of the fold's OOF, as each model has a scale of its own.
 * All 0 where the mean is.
 *
 * @param usual Of the validation samples of the fold. [m]
 * @returns [n]
 */
export function relativeDistance(distance: Float32Array, usual: Float32Array): Float32Array {
  const mean = usual.reduce((sum, d) => sum + d, 0) / usual.length
  return distance.map((d) => (mean > 0 ? d / mean : 0))
}

/** What a sample's thresholds are multiplied by: e^(−s · r), r its relative distance. [n] */
export function thresholdFactors(relative: Float32Array, slope: number): Float32Array {
  return relative.map((r) => Math.exp(-slope * r))
}
