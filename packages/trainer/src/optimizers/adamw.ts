import type { OptimizerSpec } from '@baton/contracts'
import { momentRates, momentSlots, nextMoments } from './moments.ts'
import type { OptimizerRule } from './rule.ts'

/**
 * AdamW, in the order of operations of PyTorch:
 *
 *   w ← w (1 − η λ)                 (what decays alone; decoupled)
 *   m, v, d of g (see `nextMoments`)
 *   w ← w − η / (1 − β₁ᵗ) · d
 *
 * with t counted for each variable: one that is opened in a later stage has its moments corrected from its own first
 * update on.
 *
 * @see Loshchilov, Hutter: Decoupled Weight Decay Regularization, algorithm 2, https://arxiv.org/abs/1711.05101
 */
export function adamw(spec: Extract<OptimizerSpec, { name: 'adamw' }>): OptimizerRule {
  const { beta1, weightDecay } = spec
  return {
    name: 'adamw',
    slots: momentSlots,
    countsUpdates: true,
    rates: (lr, t, momentum = beta1) => [
      lr / (1 - momentum ** t),
      1 - lr * weightDecay,
      ...momentRates(spec, t, momentum),
    ],
    update(input) {
      const { tf, weight, gradient, rates, decays } = input
      const [stepSize, shrink, share, correction] = rates
      const decayed = decays && weightDecay > 0 ? tf.mul(weight, shrink!) : weight
      const { slots, direction } = nextMoments(input, gradient, [share!, correction!], spec)
      return { weight: tf.sub(decayed, tf.mul(direction, stepSize!)), slots }
    },
  }
}
