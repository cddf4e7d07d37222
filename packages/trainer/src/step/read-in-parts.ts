import type { Tensor } from '@tensorflow/tfjs'
import { readTensor } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'

/** Elements: 16 MB, whose copy takes some 10 ms. A part is copied twice, a tensor that needs no parts once. */
const longestPart = 1 << 22

/**
 * The float32 values of a tensor in memory of their own, read in parts: between two of them it yields, and its caller
 * may do something else.
 */
export function* readInParts(
  tf: Tf,
  tensor: Tensor,
  partLength = longestPart,
): Generator<null, Float32Array<ArrayBuffer>> {
  if (tensor.size <= partLength) return readTensor(tf, tensor) as Float32Array<ArrayBuffer>
  const values = new Float32Array(tensor.size)
  for (let start = 0; start < tensor.size; start += partLength) {
    if (start > 0) yield null
    const length = Math.min(partLength, tensor.size - start)
    const part = tf.tidy(() => tf.slice1d(tf.reshape(tensor, [-1]), start, length))
    values.set(part.dataSync(), start)
    part.dispose()
  }
  return values
}
