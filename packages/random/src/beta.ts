import { normal, uniform } from './stream.ts'
import type { Key } from './stream.ts'

/** Counters that one number may use; its tries use two each, and 19 of 20 tries are taken. */
const countersEach = 4096

/**
 * The `index`-th number of a stream with the distribution Beta(a, b), exact but for float64.
 *
 *   X / (X + Y),  X ~ Gamma(a), Y ~ Gamma(b)
 *
 * taken in logarithms, so that a small a or b, whose X and Y are mostly too small for a number, still gives one.
 * A stream that numbers are drawn from like this is used for nothing else.
 *
 * @param a, b Above 0.
 */
export function beta(key: Key, index: number, a: number, b: number): number {
  const first = 2 * index * countersEach
  const [logX, logY] = [logGamma(key, first, a), logGamma(key, first + countersEach, b)]
  return 1 / (1 + Math.exp(logY - logX))
}

/**
 * Logarithm of a number with the distribution Gamma(shape, 1).
 *
 *   d = shape − 1/3, c = 1/√(9d);  v = (1 + c z)³ until v > 0 and log u < z²/2 + d − d v + d log v;  d v
 *
 * for shape ≥ 1; below, Gamma(shape + 1) · u^(1/shape).
 *
 * @param counter The first that may be used.
 * @see Marsaglia, Tsang: A Simple Method for Generating Gamma Variables, 2000
 */
export function logGamma(key: Key, counter: number, shape: number): number {
  if (shape < 1) {
    const boost = Math.log(1 - uniform(key, counter)) / shape
    return logGamma(key, counter + 1, shape + 1) + boost
  }
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (let i = counter; ; i += 2) {
    const z = normal(key, i)
    const v = (1 + c * z) ** 3
    if (v <= 0) continue
    const logV = Math.log(v)
    if (Math.log(1 - uniform(key, i + 1)) < (z * z) / 2 + d - d * v + d * logV) return Math.log(d) + logV
  }
}
