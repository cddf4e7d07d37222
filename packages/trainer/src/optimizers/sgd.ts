import type { OptimizerSpec } from '@baton/contracts'
import { descent } from '@baton/graph-step'
import type { OptimizerRule } from './rule.ts'
import { withDecay } from './rule.ts'

/**
 * Stochastic gradient descent, without momentum and so without slots.
 *
 *   w ← w − η (g + λ w)             (λ for kernels alone)
 */
export function sgd({ weightDecay }: Extract<OptimizerSpec, { name: 'sgd' }>): OptimizerRule {
  return {
    name: 'sgd',
    slots: [],
    countsUpdates: false,
    rates: (lr) => [lr],
    update: (input) => {
      const { tf, weight, rates } = input
      return { weight: tf.sub(weight, tf.mul(withDecay(input, weightDecay), rates[0]!)), slots: [] }
    },
    inPlace: (input) => descent(input.rates[0]!, withDecay(input, weightDecay)),
  }
}
