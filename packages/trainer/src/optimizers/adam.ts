import type { OptimizerSpec } from '@baton/contracts'
import { adamInPlace, momentRates, momentSlots, nextMoments } from './moments.ts'
import type { OptimizerRule } from './rule.ts'
import { withDecay } from './rule.ts'

/**
 * Adam, with weight decay as a part of the gradient, as PyTorch's `Adam` has it (coupled, other than in AdamW):
 *
 *   g ← g + λ w                     (kernels alone)
 *   m, v, d of g (see `nextMoments`)
 *   w ← w − η c d
 *
 * with t counted for each variable.
 *
 * @see Kingma, Ba: Adam, algorithm 1, https://arxiv.org/abs/1412.6980 (the decay is PyTorch's)
 */
export function adam(spec: Extract<OptimizerSpec, { name: 'adam' }>): OptimizerRule {
  const { weightDecay } = spec
  return {
    name: 'adam',
    slots: momentSlots,
    countsUpdates: true,
    rates: (lr, t, momentum) => momentRates(spec, lr, t, momentum),
    update(input) {
      const { tf, weight, rates } = input
      const { slots, direction } = nextMoments(input, withDecay(input, weightDecay), spec)
      return { weight: tf.sub(weight, tf.mul(direction, rates[0]!)), slots }
    },
    inPlace: (input) => adamInPlace(input, withDecay(input, weightDecay), spec),
  }
}
