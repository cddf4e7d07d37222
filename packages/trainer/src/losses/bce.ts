import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { smooth } from './label-smoothing.ts'

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
 * @param positiveWeight w, for all labels or [classes].
 * @returns One value a sample, at least 0; lower is better. [batch]
 * @see torch.nn.BCEWithLogitsLoss with pos_weight w
 */
export function bce(
  tf: Tf,
  logits: Tensor2D,
  labels: Tensor2D,
  { labelSmoothing, positiveWeight }: { labelSmoothing: number; positiveWeight: number | Tensor1D },
): Tensor1D {
  return tf.mean(bceTerms(tf, logits, smooth(tf, labels, labelSmoothing), positiveWeight), 1)
}

/** The terms of each label. [batch, classes] */
export function bceTerms(tf: Tf, logits: Tensor2D, y: Tensor2D, positiveWeight: number | Tensor1D = 1): Tensor2D {
  const whenPositive = tf.mul(tf.mul(y, positiveWeight), tf.softplus(tf.neg(logits)))
  const whenNegative = tf.mul(tf.sub(1, y), tf.softplus(logits))
  return tf.add(whenPositive, whenNegative)
}
