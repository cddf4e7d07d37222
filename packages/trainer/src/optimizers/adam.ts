import type { OptimizerSpec } from '@baton/contracts'
import { momentRates, momentSlots, nextMoments } from './moments.ts'
import type { OptimizerRule } from './rule.ts'
import { withDecay } from './rule.ts'

/**
 * Adam, with weight decay as a part of the gradient, as PyTorch's `Adam` has it (coupled, other than in AdamW):
 *
 *   g ← g + λ w                     (kernels alone)
 *   m, v, d of g (see `nextMoments`)
 *   w ← w − η / (1 − β₁ᵗ) · d
 *
 * with t counted for each variable.
 *
 * @see Kingma, Ba: Adam, algorithm 1, https://arxiv.org/abs/1412.6980 (the decay is PyTorch's)
 */
export function adam(spec: Extract<OptimizerSpec, { name: 'adam' }>): OptimizerRule {
  const { beta1, weightDecay } = spec
  return {
    name: 'adam',
    slots: momentSlots,
    countsUpdates: true,
    rates: (lr, t, momentum = beta1) => [lr / (1 - momentum ** t), ...momentRates(spec, t, momentum)],
    update(input) {
      const { tf, weight, rates } = input
      const [stepSize, share, correction] = rates
      const { slots, direction } = nextMoments(input, withDecay(input, weightDecay), [share!, correction!], spec)
      return { weight: tf.sub(weight, tf.mul(direction, stepSize!)), slots }
    },
  }
}
