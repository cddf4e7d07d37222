import type { Tensor, Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'

/** Least value that a power is taken of: below it, powers less than 1 have no finite gradient. */
const LEAST = 1e-8

/** x^γ for x from 0 to 1, with a gradient that is finite everywhere. [batch, classes] */
export function focus(tf: Tf, x: Tensor2D, gamma: number | Tensor2D): Tensor2D {
  return tf.exp(tf.mul(tf.log(tf.maximum(x, LEAST)), gamma))
}

/** x, through which no gradient passes: TensorFlow.js has nothing for that. */
export function detached<T extends Tensor>(tf: Tf, x: T): T {
  const pass = tf.customGrad((given) => ({
    value: (given as Tensor).clone(),
    gradFunc: (dy: Tensor) => tf.zerosLike(dy),
  }))
  return pass(x) as T
}
