import { studentQuantile, studentTail } from './student-t.ts'

export interface PairedDifference {
  /** Mean of right − left. */
  readonly mean: number
  /** Standard deviation of the differences, with n − 1. */
  readonly std: number
  /** Interval of the mean difference at the level asked for. */
  readonly low: number
  readonly high: number
  /** Probability of a mean at least so far from 0 if there were no difference. */
  readonly pValue: number
}

/**
 * How far two series of scores differ, pair by pair, and how sure that is.
 *
 *   dᵢ = rightᵢ − leftᵢ,  d̄ = Σdᵢ/n,  s² = Σ(dᵢ − d̄)²/(n − 1),  e² = s² (1/n + ρ)
 *   interval d̄ ± t_{n−1, level} e;  p = P(|T_{n−1}| ≥ |d̄|/e)
 *
 * ρ = 0 is the paired t-test. Its scores would have to be independent; those of k folds are not, as any two of them
 * trained on mostly the same samples, and it calls too many differences real. ρ = n_validation/n_train, for k folds
 * 1/(k − 1), corrects for that.
 *
 * @param left Scores. [n], n at least 2
 * @param right Scores of the same pairs. [n]
 * @see Nadeau, Bengio: Inference for the Generalization Error, Machine Learning 52, 2003, section 3 (the correction)
 */
export function pairedDifference(
  left: readonly number[],
  right: readonly number[],
  { level = 0.95, rho = 0 }: { level?: number; rho?: number } = {},
): PairedDifference {
  const n = left.length
  if (n < 2 || right.length !== n) throw new Error(`pairs are needed, at least two: ${n} and ${right.length}`)
  const differences = left.map((score, i) => right[i]! - score)
  const mean = differences.reduce((sum, d) => sum + d, 0) / n
  const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (n - 1)
  const error = Math.sqrt(variance * (1 / n + rho))
  const reach = studentQuantile(level, n - 1) * error
  // Without any spread a difference is certain, and none is none.
  const pValue = error === 0 ? (mean === 0 ? 1 : 0) : studentTail(mean / error, n - 1)
  return { mean, std: Math.sqrt(variance), low: mean - reach, high: mean + reach, pValue }
}
