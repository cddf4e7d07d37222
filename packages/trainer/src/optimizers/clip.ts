import type { Scalar, Tensor } from '@tensorflow/tfjs'
import { halfSquares } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'

/**
 * The length of all gradients together, as one vector: √ Σ g².
 *
 * TensorFlow takes an addition of hundreds apart, so that it needs less memory: it plans that for a second when a graph
 * first runs, and adds one after the other in every step. Of scalars that is for nothing.
 */
export function globalNorm(tf: Tf, gradients: readonly Tensor[]): Scalar {
  return tf.sqrt(tf.mul(tf.sum<Scalar>(tf.stack(gradients.map((gradient) => halfSquares(tf, gradient)))), 2))
}

/**
 * Gradients shortened together so that their length is at most `limit`: their direction stays.
 *
 *   g ← g · min(1, c / (‖g‖ + 10⁻⁶))
 *
 * @see Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, algorithm 1,
 *   https://arxiv.org/abs/1211.5063 (10⁻⁶ is PyTorch's)
 */
export function clipByNorm(tf: Tf, gradients: readonly Tensor[], norm: Scalar, limit: number): Tensor[] {
  const factor = tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)))
  return gradients.map((gradient) => tf.mul(gradient, factor))
}
