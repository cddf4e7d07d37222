/** What of an experiment is searched on OOF beside its thresholds. */
export interface Tuning {
  /** w of p' = (1 − w) · p + w · vote. */
  readonly weight: number
  /** s of t_i = t · e^(−s · r_i). */
  readonly slope: number
}

/** What is tried of each, ascending; one value where it is given. */
export interface TuningGrid {
  readonly weights: readonly number[]
  readonly slopes: readonly number[]
}

const twentieths: readonly number[] = Array.from({ length: 21 }, (_, i) => i / 20)
const tenths: readonly number[] = Array.from({ length: 11 }, (_, i) => i / 10)

/** @param weight As the spec gives it; null: searched. */
export function tuningGrid(weight: number | null, isByDistance: boolean): TuningGrid {
  return { weights: weight === null ? twentieths : [weight], slopes: isByDistance ? tenths : [0] }
}

/**
 * The best weight and slope, one after the other: the best weight at the lowest slope, the best slope at that weight, and
 * so on until neither gains. A local optimum, never below that of the lowest of both; of equal ones the first that was
 * come upon.
 *
 * @param scoreAt Higher is better.
 */
export function searchTuning({ weights, slopes }: TuningGrid, scoreAt: (tuning: Tuning) => number): Tuning {
  let best: Tuning = { weight: weights[0]!, slope: slopes[0]! }
  if (weights.length === 1 && slopes.length === 1) return best
  let score = scoreAt(best)
  const tried = new Set([keyOf(best)])
  const improve = (tunings: readonly Tuning[]): boolean => {
    const before = score
    for (const tuning of tunings) {
      // What was tried before was no better then.
      if (tried.has(keyOf(tuning))) continue
      tried.add(keyOf(tuning))
      const found = scoreAt(tuning)
      if (found > score) [best, score] = [tuning, found]
    }
    return score > before
  }
  for (;;) {
    const gainedByWeight = improve(weights.map((weight) => ({ ...best, weight })))
    const gainedBySlope = improve(slopes.map((slope) => ({ ...best, slope })))
    if (!gainedByWeight && !gainedBySlope) return best
  }
}

export function keyOf({ weight, slope }: Tuning): string {
  return `${weight} ${slope}`
}
