import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'

/**
 * Cross-entropy over all labels, of which a sample has one.
 *
 *   y' = y (1 − s) + s / C
 *   L = −Σ y' log softmax(x)
 *
 * @param logits x, [batch, classes].
 * @param labels y in [0, 1], whose sum is 1, [batch, classes].
 * @param s Label smoothing.
 * @returns One value a sample, at least 0; lower is better. [batch]
 * @see torch.nn.CrossEntropyLoss with label_smoothing s
 */
export function softmaxCrossEntropy(tf: Tf, logits: Tensor2D, labels: Tensor2D, s: number): Tensor1D {
  const y = s === 0 ? labels : tf.add(tf.mul(labels, 1 - s), s / labels.shape[1])
  return tf.neg(tf.sum(tf.mul(y, tf.logSoftmax(logits)), 1))
}
