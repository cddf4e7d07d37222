import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'

/** Pooling that keeps the padded map: `same` as TensorFlow means it, or so many zeros on each side. */
interface Pool {
  readonly size: number
  readonly stride: number
  readonly pad: 'same' | number
}

/** What built-in models compute beside their layers; maps are [batch, height, width, channels]. */
export interface MapOps {
  relu(x: Tensor4D): Tensor4D
  /** min(max(x, 0), 6) */
  relu6(x: Tensor4D): Tensor4D
  sigmoid(x: Tensor4D): Tensor4D
  add(x: Tensor4D, y: Tensor4D): Tensor4D
  /** One of the two may be one pixel in size. */
  multiply(x: Tensor4D, y: Tensor4D): Tensor4D
  /** Channels side by side. */
  concat(maps: readonly Tensor4D[]): Tensor4D
  /** The greatest value of each window. Meant after relu: padding counts as zero. */
  maxPool(x: Tensor4D, pool: Pool): Tensor4D
  /** Means of squares of `size` pixels, side by side; a rest at the edge is left out. */
  averagePool(x: Tensor4D, size: number): Tensor4D
  /** Means over the map, [batch, channels]. */
  globalAverage(x: Tensor4D): Tensor2D
  /** The same as a map of one pixel, [batch, 1, 1, channels]. */
  globalAverageMap(x: Tensor4D): Tensor4D
}

export function mapOps(tf: Tf): MapOps {
  return {
    relu: (x) => tf.relu(x),
    relu6: (x) => tf.relu6(x),
    sigmoid: (x) => tf.sigmoid(x),
    add: (x, y) => tf.add(x, y),
    multiply: (x, y) => tf.mul(x, y),
    concat: (maps) => tf.concat([...maps], 3),
    maxPool: (x, { size, stride, pad }) =>
      pad === 'same' ? tf.maxPool(x, size, stride, 'same') : tf.maxPool(frame(tf, x, pad), size, stride, 'valid'),
    averagePool: (x, size) => tf.avgPool(x, size, size, 'valid'),
    globalAverage: (x) => tf.mean<Tensor2D>(x, [1, 2]),
    globalAverageMap: (x) => tf.mean<Tensor4D>(x, [1, 2], true),
  }
}

/** The map with so many rows and columns of zeros on each side. */
export function frame(tf: Tf, x: Tensor4D, pad: number): Tensor4D {
  if (pad === 0) return x
  const both: [number, number] = [pad, pad]
  return tf.pad(x, [[0, 0], both, both, [0, 0]])
}
