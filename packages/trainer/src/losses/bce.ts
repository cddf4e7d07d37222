import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { LossSpec } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'

/**
 * Binary cross-entropy of logits, averaged over the labels.
 *
 *   y' = y (1 − s) + s / 2
 *   L = mean( −w y' log σ(x) − (1 − y') log(1 − σ(x)) )
 *     = mean( w y' softplus(−x) + (1 − y') softplus(x) )
 *
 * The second form never overflows, and its gradient is exact everywhere; the usual |x| form has none at x = 0.
 *
 * @param logits x, [batch, classes].
 * @param labels y in [0, 1], [batch, classes].
 * @returns One value a sample, at least 0; lower is better. [batch]
 * @see torch.nn.BCEWithLogitsLoss with pos_weight w
 */
export function bce(
  tf: Tf,
  logits: Tensor2D,
  labels: Tensor2D,
  {
    labelSmoothing: s,
    positiveWeight: w,
  }: Pick<Extract<LossSpec, { name: 'bce' }>, 'labelSmoothing' | 'positiveWeight'>,
): Tensor1D {
  const y = s === 0 ? labels : tf.add(tf.mul(labels, 1 - s), s / 2)
  const whenPositive = tf.mul(tf.mul(y, w), tf.softplus(tf.neg(logits)))
  const whenNegative = tf.mul(tf.sub(1, y), tf.softplus(logits))
  return tf.mean(tf.add(whenPositive, whenNegative), 1)
}
