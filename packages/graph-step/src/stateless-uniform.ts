import type { Tensor, Tensor1D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { attribute, nodeBackend } from './native.ts'

/**
 * Random numbers, uniform in [0, 1), that are a pure function of shape, seed and salt: a resumed training draws what
 * one that never stopped would have drawn.
 *
 * Backends draw different numbers; the environment of a training records which.
 *
 * @param seed int32 [2], the run and the step say; a feed, so that a compiled step draws anew in each run.
 * @param salt Tells draws of one step apart. Like the first number of the seed 0 to 2^30 − 1, so that their sum fits.
 */
export function statelessUniform(tf: Tf, shape: readonly number[], seed: Tensor1D, salt: number): Tensor {
  const salted = tf.add(seed, tf.tensor1d([salt, 0], 'int32'))
  const backend = nodeBackend(tf)
  // Some number for a seed is not enough: tfjs takes 0 for none at all.
  if (!backend) return tf.randomUniform([...shape], 0, 1, 'float32', `seed ${salted.dataSync().join()}`)
  return backend.executeSingleOutput(
    'StatelessRandomUniform',
    [attribute.floatType('dtype'), attribute.int32Type('T'), attribute.int32Type('Tseed')],
    [tf.tensor1d([...shape], 'int32'), salted],
  )
}
