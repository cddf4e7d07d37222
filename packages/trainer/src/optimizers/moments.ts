import type { Tensor } from '@tensorflow/tfjs'
import type { UpdateInput } from './rule.ts'

/** What the optimizers of Adam's kind have in common. */
export interface MomentsSpec {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** Slots of `nextMoments`. */
export const momentSlots = ['m', 'v'] as const

/** The numbers that `nextMoments` takes, by update: 1 − β₁ and √(1 − β₂ᵗ). */
export function momentRates({ beta1, beta2 }: MomentsSpec, t: number, momentum = beta1): [number, number] {
  return [1 - momentum, Math.sqrt(1 - beta2 ** t)]
}

/**
 * The moments after a gradient, and the direction that they give, in the order of operations of PyTorch:
 *
 *   m ← m + (1 − β₁)(g − m)
 *   v ← β₂ v + (1 − β₂) g²
 *   d = m / (√v / √(1 − β₂ᵗ) + ε)
 *
 * What is left to the caller is the correction of m by 1 − β₁ᵗ.
 *
 * @param rates Of `momentRates`.
 * @see Kingma, Ba: Adam, algorithm 1, https://arxiv.org/abs/1412.6980
 */
export function nextMoments(
  { tf, slots }: Pick<UpdateInput, 'tf' | 'slots'>,
  gradient: Tensor,
  [share, correction]: readonly [Tensor, Tensor],
  { beta2, epsilon }: MomentsSpec,
): { readonly slots: readonly [Tensor, Tensor]; readonly direction: Tensor } {
  const [m, v] = slots
  const m1 = tf.add(m!, tf.mul(tf.sub(gradient, m!), share))
  const v1 = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2))
  const denominator = tf.add(tf.div(tf.sqrt(v1), correction), epsilon)
  return { slots: [m1, v1], direction: tf.div(m1, denominator) }
}
