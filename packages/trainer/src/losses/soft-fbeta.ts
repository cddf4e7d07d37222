import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'

const EPSILON = 1e-6
/** Takes the place of a sum that is 0: of a sample without labels, whose F-beta is then 0. */
const LEAST = 1e-12

/**
 * 1 − F-beta of the probabilities p = σ(x), taken as they are instead of as labels found or not.
 *
 *   P = Σ p y / Σ p,  R = Σ p y / Σ y
 *   L = 1 − (1 + β²) P R / (β² P + R + ε)
 *
 * Sums are over a sample's labels. A sample without labels has L = 1 and no gradient.
 *
 * @param logits x, [batch, classes].
 * @param labels y in [0, 1], [batch, classes].
 * @returns One value a sample, from 0 to 1; lower is better. [batch]
 */
export function softFbeta(tf: Tf, logits: Tensor2D, labels: Tensor2D, beta: number): Tensor1D {
  const p = tf.sigmoid(logits)
  const found = tf.sum<Tensor1D>(tf.mul(p, labels), 1)
  const precision = tf.div(found, tf.maximum(tf.sum(p, 1), LEAST))
  const recall = tf.div(found, tf.maximum(tf.sum(labels, 1), LEAST))
  const above = tf.mul(tf.mul(precision, recall), 1 + beta ** 2)
  const below = tf.add(tf.add(tf.mul(precision, beta ** 2), recall), EPSILON)
  return tf.sub(1, tf.div(above, below))
}
