import type { OptimizerSpec } from '@baton/contracts'
import type { OptimizerRule } from './rule.ts'

/**
 * AdamW, in the order of operations of PyTorch:
 *
 *   w ← w (1 − η λ)
 *   m ← m + (1 − β₁)(g − m)
 *   v ← β₂ v + (1 − β₂) g²
 *   w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 *
 * with t counted for each variable: one that is opened in a later stage has its moments corrected from its own first
 * update on. Decay is decoupled, and for kernels alone.
 *
 * @see Loshchilov, Hutter: Decoupled Weight Decay Regularization, algorithm 2, https://arxiv.org/abs/1711.05101
 */
export function adamw(spec: Extract<OptimizerSpec, { name: 'adamw' }>): OptimizerRule {
  const { beta1, beta2, epsilon, weightDecay } = spec
  return {
    name: 'adamw',
    slots: ['m', 'v'],
    countsUpdates: true,
    rates: (lr, t, momentum = beta1) => [
      lr / (1 - momentum ** t),
      Math.sqrt(1 - beta2 ** t),
      1 - lr * weightDecay,
      1 - momentum,
    ],
    update: ({ tf, weight, gradient, slots, rates, decays }) => {
      const [stepSize, correction, shrink, share] = rates
      const [m, v] = slots
      const decayed = decays && weightDecay > 0 ? tf.mul(weight, shrink!) : weight
      const m1 = tf.add(m!, tf.mul(tf.sub(gradient, m!), share!))
      const v1 = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2))
      const denominator = tf.add(tf.div(tf.sqrt(v1), correction!), epsilon)
      return { weight: tf.sub(decayed, tf.mul(tf.div(m1, denominator), stepSize!)), slots: [m1, v1] }
    },
  }
}
