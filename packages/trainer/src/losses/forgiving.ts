import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { bceTerms } from './bce.ts'

/**
 * Binary cross-entropy, plus another whose logits are set to 0 where there is no label: a label that the annotator left
 * out costs less than one that the model leaves out.
 *
 *   L = mean( BCE(x, y) + v BCE(x y, y) )
 *
 * For y of 0 and 1 the second part is v BCE(x, 1) where y is 1, and v log 2, a constant, where it is 0.
 *
 * @param logits x, [batch, classes].
 * @param labels y in [0, 1], [batch, classes].
 * @param weight v, more than 0.
 * @returns One value a sample, at least 0; lower is better. [batch]
 * @see ForgivingLoss of artyompal's iMet solution, https://github.com/artyompal/kaggle_imet_2019
 */
export function forgiving(tf: Tf, logits: Tensor2D, labels: Tensor2D, weight: number): Tensor1D {
  const forgiven = bceTerms(tf, tf.mul(logits, labels), labels)
  return tf.mean(tf.add(bceTerms(tf, logits, labels), tf.mul(forgiven, weight)), 1)
}
