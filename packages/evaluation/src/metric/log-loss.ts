import type { Scored } from './candidates.ts'

/** The step of float32 at 1: what scikit-learn clips float32 probabilities by. */
const clip = 2 ** -23

/**
 * Log loss of each sample: the mean over its labels.
 *
 *   −(y·ln p + (1 − y)·ln(1 − p)), p clipped to [2⁻²³, 1 − 2⁻²³]
 *
 * Its mean is scikit-learn's `log_loss` of the table's values laid end to end.
 *
 * @param range The columns that count.
 * @returns Nats, lower is better. [n]
 */
export function logLossOfSamples(
  { probability, actual }: Scored,
  labels: number,
  { start, end }: { start: number; end: number },
): Float64Array {
  const losses = new Float64Array(actual.length / labels)
  for (let i = 0; i < losses.length; i++) {
    let sum = 0
    for (let at = i * labels + start; at < i * labels + end; at++) {
      const p = Math.min(1 - clip, Math.max(clip, probability[at]!))
      sum -= Math.log(actual[at] === 1 ? p : 1 - p)
    }
    losses[i] = sum / (end - start)
  }
  return losses
}
