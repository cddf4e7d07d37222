import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { LossSpec } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { detached, focus } from './focus.ts'
import { smooth } from './label-smoothing.ts'

/**
 * Asymmetric loss: positive and negative terms are focused by powers of their own, and easy negatives do not count,
 * averaged over the labels.
 *
 *   y' = y (1 − s) + s / 2,  p = σ(x),  q = min(1 − p + clip, 1)
 *   L = −mean( (1 − p y' − q (1 − y'))^(γ⁺ y' + γ⁻ (1 − y')) · (y' log max(p, ε) + (1 − y') log max(q, ε)) )
 *
 * @param logits x, [batch, classes].
 * @param labels y in [0, 1], [batch, classes].
 * @returns One value a sample, at least 0; lower is better. [batch]
 * @see Ridnik et al.: Asymmetric Loss For Multi-Label Classification, eq. 7, https://arxiv.org/abs/2009.14119;
 *   timm.loss.AsymmetricLossMultiLabel with reduction mean
 */
export function asymmetric(
  tf: Tf,
  logits: Tensor2D,
  labels: Tensor2D,
  spec: Omit<Extract<LossSpec, { name: 'asymmetric' }>, 'name'>,
): Tensor1D {
  const { gammaPositive, gammaNegative, clip, epsilon, labelSmoothing, detach } = spec
  const y = smooth(tf, labels, labelSmoothing)
  const not = tf.sub(1, y)
  const p = tf.sigmoid(logits)
  const q = tf.minimum<Tensor2D>(tf.add(tf.sigmoid(tf.neg(logits)), clip), 1)
  const log = (value: Tensor2D) => tf.log(tf.maximum(value, epsilon))
  const terms = tf.add(tf.mul(y, log(p)), tf.mul(not, log(q)))
  const missed = tf.sub<Tensor2D>(1, tf.add(tf.mul(p, y), tf.mul(q, not)))
  const gamma = tf.add<Tensor2D>(tf.mul(y, gammaPositive), tf.mul(not, gammaNegative))
  const weight = focus(tf, missed, gamma)
  return tf.neg(tf.mean(tf.mul(detach ? detached(tf, weight) : weight, terms), 1))
}
