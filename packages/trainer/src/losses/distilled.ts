import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { DistillSpec } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { bce } from './bce.ts'

export type MixedTeacher = Pick<Extract<DistillSpec, { form: 'mix' }>, 'kappa' | 'temperature'>

/**
 * A loss with a teacher's part in it.
 *
 *   (1 − κ) · L + κ · T² · BCE(x / T, q)
 *
 * The gradient of the teacher's part falls with 1 / T², which T² makes up for: κ means the same at every temperature.
 *
 * @param own L, by the labels alone: one value a sample, or their mean.
 * @param logits x, [batch, classes].
 * @param softened q = σ(teacher's logits / T), [batch, classes].
 * @returns As `own` is; lower is better.
 * @see Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, section 2, https://arxiv.org/abs/1503.02531
 */
export function distilled(
  tf: Tf,
  { own, logits, softened }: { own: Tensor1D | Scalar; logits: Tensor2D; softened: Tensor2D },
  { kappa, temperature }: MixedTeacher,
): Tensor1D | Scalar {
  const each = bce(tf, tf.div(logits, temperature), softened, { labelSmoothing: 0, positiveWeight: 1 })
  const taught = own.rank === 0 ? tf.mean(each) : each
  return tf.add(tf.mul(own, 1 - kappa), tf.mul(taught, kappa * temperature ** 2))
}
