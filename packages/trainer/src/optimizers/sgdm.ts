import type { OptimizerSpec } from '@baton/contracts'
import { momentumDescent } from '@baton/graph-step'
import type { OptimizerRule } from './rule.ts'
import { withDecay } from './rule.ts'

/**
 * Stochastic gradient descent with momentum, as PyTorch places η: outside the velocity, so that a change of it acts
 * at once.
 *
 *   g ← g + λ w                     (kernels alone; coupled, other than in AdamW)
 *   v ← μ v + g
 *   w ← w − η v,  or with Nesterov  w ← w − η (g + μ v)
 *
 * @see Sutskever et al.: On the importance of initialization and momentum, section 2,
 *   https://proceedings.mlr.press/v28/sutskever13.html (η outside and the decay are PyTorch's)
 */
export function sgdm(spec: Extract<OptimizerSpec, { name: 'sgdm' }>): OptimizerRule {
  const { momentum, nesterov, weightDecay } = spec
  return {
    name: 'sgdm',
    slots: ['v'],
    countsUpdates: false,
    rates: (lr, _t, given = momentum) => [lr, given],
    update(input) {
      const { tf, weight, slots, rates } = input
      const [lr, mu] = rates
      const [v] = slots
      const g = withDecay(input, weightDecay)
      const v1 = tf.add(tf.mul(v!, mu!), g)
      const direction = nesterov ? tf.add(g, tf.mul(v1, mu!)) : v1
      return { weight: tf.sub(weight, tf.mul(direction, lr!)), slots: [v1] }
    },
    inPlace(input) {
      const [lr, mu] = input.rates
      return momentumDescent(lr!, withDecay(input, weightDecay), mu!, nesterov)
    },
  }
}
