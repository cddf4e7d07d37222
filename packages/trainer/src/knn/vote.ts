import { assertNever } from '@baton/contracts'
import type { KnnSpec } from '@baton/contracts'
import type { Nearest } from './neighbour-index.ts'

/** Of vote `similarity`, where the spec has none: that of Wu et al., below. */
const usualTemperature = 0.07
/** What float32 cannot tell from 0. */
const noDistance = 1e-6

/**
 * What neighbours say of samples.
 *
 *   vote(i, c) = Σ_j a(d_ij) y(j, c) / Σ_j a(d_ij),  j over the k nearest of i
 *
 *   similarity  a(d) = e^((1 − d) / T)
 *   distance    a(d) = 1 / d; of a sample with neighbours at no distance (below 10⁻⁶) those alone count, all the same
 *   uniform     a(d) = 1
 *
 * `uniform` and `distance` are those of scikit-learn's KNeighborsClassifier.
 *
 * @param labelsOf Labels of the neighbour at a place.
 * @returns Row-major, 0 to 1. [n, labels]
 * @see Wu, Xiong, Yu, Lin: Unsupervised Feature Learning via Non-Parametric Instance Discrimination, section 3.4,
 *   https://arxiv.org/abs/1805.01978 (`similarity`, T = 0.07)
 */
export function voteOf(
  { place, distance, found }: Nearest,
  { vote, temperature }: Pick<KnnSpec, 'vote' | 'temperature'>,
  labelsOf: (place: number) => readonly number[],
  labels: number,
): Float32Array {
  const votes = new Float32Array((place.length / found) * labels)
  for (let row = 0; row < place.length / found; row++) {
    const own = distance.subarray(row * found, (row + 1) * found)
    const weights = weightsOf(own, vote, temperature ?? usualTemperature)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const shares = new Float64Array(labels)
    weights.forEach((weight, j) => {
      for (const label of labelsOf(place[row * found + j]!)) shares[label]! += weight / total
    })
    // Parts that make up the whole may come to a little more.
    shares.forEach((share, label) => (votes[row * labels + label] = Math.min(1, share)))
  }
  return votes
}

/** @param distance Ascending. */
function weightsOf(distance: Float32Array, vote: KnnSpec['vote'], temperature: number): Float64Array {
  const nearest = distance[0]!
  switch (vote) {
    case 'uniform':
      return new Float64Array(distance.length).fill(1)
    case 'similarity':
      // Relative to the nearest, so that no power overflows.
      return Float64Array.from(distance, (d) => Math.exp((nearest - d) / temperature))
    case 'distance':
      return Float64Array.from(distance, (d) => (nearest < noDistance ? Number(d < noDistance) : 1 / d))
    default:
      return assertNever(vote)
  }
}
