import type { Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'

/** y' = y (1 − s) + s / 2: labels moved towards ½. [batch, classes] */
export function smooth(tf: Tf, labels: Tensor2D, s: number): Tensor2D {
  return s === 0 ? labels : tf.add(tf.mul(labels, 1 - s), s / 2)
}
