import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { LossSpec } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { bceTerms } from './bce.ts'
import { detached, focus } from './focus.ts'

/**
 * Focal loss: binary cross-entropy whose terms count less the better they are met, averaged over the labels.
 *
 *   a = α y + (1 − α)(1 − y)
 *   L = mean( a (1 − p)^γ BCE(x, y) ),  1 − p = y σ(−x) + (1 − y) σ(x)
 *
 * With `detach`, in the form of ceshine's iMet solution, the weight is a constant for the gradient, and twice as much:
 *
 *   L = mean( 2 a exp(γ log σ(−x (2y − 1))) BCE(x, y) )
 *
 * For y of 0 and 1 that weight is 2 a (1 − p)^γ. Soft labels make both forms' weights soft too, each in its way.
 *
 * @param logits x, [batch, classes].
 * @param labels y in [0, 1], [batch, classes].
 * @returns One value a sample, at least 0; lower is better. [batch]
 * @see Lin et al.: Focal Loss for Dense Object Detection, eq. 5, https://arxiv.org/abs/1708.02002;
 *   torchvision.ops.sigmoid_focal_loss
 */
export function focal(
  tf: Tf,
  logits: Tensor2D,
  labels: Tensor2D,
  { alpha, gamma, detach }: Omit<Extract<LossSpec, { name: 'focal' }>, 'name'>,
): Tensor1D {
  const balance = tf.add(tf.mul(labels, 2 * alpha - 1), 1 - alpha)
  const terms = bceTerms(tf, logits, labels)
  if (detach) {
    const signed = tf.mul(logits, tf.sub(tf.mul(labels, 2), 1))
    const weight = tf.mul(tf.mul(balance, 2), tf.exp(tf.mul(tf.softplus(signed), -gamma)))
    return tf.mean(tf.mul(detached(tf, weight), terms), 1)
  }
  const missed = tf.add<Tensor2D>(
    tf.mul(labels, tf.sigmoid(tf.neg(logits))),
    tf.mul(tf.sub(1, labels), tf.sigmoid(logits)),
  )
  return tf.mean(tf.mul(tf.mul(balance, focus(tf, missed, gamma)), terms), 1)
}
