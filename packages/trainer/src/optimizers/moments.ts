import type { Tensor } from '@tensorflow/tfjs'
import { adamDescent } from '@baton/graph-step'
import type { InPlace } from '@baton/graph-step'
import type { UpdateInput } from './rule.ts'

/** What the optimizers of Adam's kind have in common. */
export interface MomentsSpec {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/** Slots of `nextMoments`. */
export const momentSlots = ['m', 'v'] as const

/**
 * The numbers that the functions below find first among an update's rates: η c, β₁, 1 − β₁ and ε √(1 − β₂ᵗ), where
 *
 *   c = √(1 − β₂ᵗ) / (1 − β₁ᵗ)
 *
 * corrects moments that began as 0.
 */
export function momentRates({ beta1, beta2, epsilon }: MomentsSpec, lr: number, t: number, momentum = beta1): number[] {
  const length = Math.sqrt(1 - beta2 ** t)
  return [(lr * length) / (1 - momentum ** t), momentum, 1 - momentum, epsilon * length]
}

/**
 * The moments after a gradient, and the direction that they give:
 *
 *   m ← m + (1 − β₁)(g − m)
 *   v ← β₂ v + (1 − β₂) g²
 *   d = m / (√v + ε √(1 − β₂ᵗ))
 *
 * What is left to the caller is c of `momentRates`: c d is PyTorch's m / (1 − β₁ᵗ) / (√v / √(1 − β₂ᵗ) + ε).
 *
 * @see Kingma, Ba: Adam, algorithm 1 and the end of section 2, https://arxiv.org/abs/1412.6980
 */
export function nextMoments(
  { tf, slots, rates }: Pick<UpdateInput, 'tf' | 'slots' | 'rates'>,
  gradient: Tensor,
  { beta2 }: MomentsSpec,
): { readonly slots: readonly [Tensor, Tensor]; readonly direction: Tensor } {
  const [m, v] = slots
  const [, , share, epsilon] = rates
  const m1 = tf.add(m!, tf.mul(tf.sub(gradient, m!), share!))
  const v1 = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2))
  return { slots: [m1, v1], direction: tf.div(m1, tf.add(tf.sqrt(v1), epsilon!)) }
}

/** The slots of `nextMoments`, and w ← w − η c d. */
export function adamInPlace({ tf, rates }: UpdateInput, gradient: Tensor, { beta2 }: MomentsSpec): InPlace {
  const [rate, beta1, , epsilon] = rates
  return adamDescent(tf, { rate: rate!, gradient, beta1: beta1!, beta2, epsilon: epsilon! })
}
