import type { Tensor, TypedArray } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { nodeBackend } from './native.ts'

/**
 * A tensor's values in an array that nobody else holds: the caller may change it, or transfer it to another thread.
 *
 * `dataSync` gives such an array only for what TensorFlow has computed. Values that came from JavaScript and were not
 * used yet, and all values of the JavaScript backend, it gives as the very array that the tensor stands on.
 */
export function readTensor(tf: Tf, tensor: Tensor): TypedArray {
  const values = tensor.dataSync()
  const isOwnCopy = nodeBackend(tf)?.tensorMap.get(tensor.dataId).values === null
  return isOwnCopy ? values : values.slice()
}

/** A tensor of the same values that shares no memory with the one given; a clone would. */
export function copyTensor<T extends Tensor>(tf: Tf, tensor: T): T {
  return tf.tensor(readTensor(tf, tensor), tensor.shape, tensor.dtype) as T
}
