/** Probabilities below this of the number of labels are left out: far below what a float64 sum would see. */
const negligible = 1e-15

/**
 * Distribution of how many of some labels a sample has, each with its probability, independently: Poisson-binomial.
 *
 *   P(S = k) of n + 1 labels = p·P(S = k − 1) + (1 − p)·P(S = k) of n
 */
class CountDistribution {
  private readonly chance: Float64Array
  /** Counts 0 to `last` have a probability worth counting. */
  private last = 0

  constructor(capacity: number) {
    this.chance = new Float64Array(capacity + 1)
    this.chance[0] = 1
  }

  add(p: number): void {
    const { chance } = this
    if (p <= 0) return
    const grown = chance[this.last]! * p
    const next = this.last + 1
    for (let k = this.last; k > 0; k--) chance[k] = chance[k]! * (1 - p) + chance[k - 1]! * p
    chance[0]! *= 1 - p
    if (next < chance.length && grown > negligible) chance[(this.last = next)] = grown
  }

  /** Σ_k P(S = k) · value(k) */
  expect(value: (count: number) => number): number {
    let sum = 0
    for (let k = 0; k <= this.last; k++) sum += this.chance[k]! * value(k)
    return sum
  }
}

/**
 * How many of a sample's best labels to give, for the highest expected F-beta where its labels are independent.
 *
 *   E[F_k] = Σ_a Σ_b P(A_k = a) P(B_k = b) (1+β²)·a / (k + β²·(a + b))
 *
 * A_k: how many of the k given labels the sample has, B_k: how many of all others. Under independence the best set of
 * each size is that of the highest probabilities (Lewis 1995, Theorem 4.1), so looking at K_max + 1 sizes finds the best
 * of all sets. Both distributions come by dynamic programming: O(C·m + K²·m) for C labels, of which at most m are had
 * with a probability above 10⁻¹⁵. F of nothing given is 0, as scikit-learn has it.
 *
 * @param row Probabilities of all labels. [labels]
 * @param candidates Columns that may be given, best first.
 * @param least How many are given at least.
 * @returns `least` to the number of candidates; of equally good ones the fewest.
 * @see Ye, Chai, Lee, Chieu: Optimizing F-measures: A Tale of Two Approaches, ICML 2012, section 4
 * @see Lewis: Evaluating and Optimizing Autonomous Text Classification Systems, SIGIR 1995
 */
export function bestByExpectedFbeta(row: Float32Array, candidates: Int32Array, least: number, beta: number): number {
  const others = new CountDistribution(row.length)
  const isCandidate = new Uint8Array(row.length)
  for (const column of candidates) isCandidate[column] = 1
  for (let column = 0; column < row.length; column++) if (isCandidate[column] === 0) others.add(row[column]!)

  // From the most labels to the fewest, as the distribution of the others grows label by label.
  const givens = distributionsOfPrefixes(row, candidates)
  let best = 0
  let bestValue = -1
  for (let k = candidates.length; k >= least; k--) {
    const value = givens[k]!.expect((a) =>
      a === 0 ? 0 : others.expect((b) => ((1 + beta * beta) * a) / (k + beta * beta * (a + b))),
    )
    if (value >= bestValue) [best, bestValue] = [k, value]
    if (k > 0) others.add(row[candidates[k - 1]!]!)
  }
  return best
}

function distributionsOfPrefixes(row: Float32Array, candidates: Int32Array): CountDistribution[] {
  return Array.from({ length: candidates.length + 1 }, (_, k) => {
    const distribution = new CountDistribution(k)
    for (const column of candidates.subarray(0, k)) distribution.add(row[column]!)
    return distribution
  })
}
