import type { OptimizerSpec } from '@baton/contracts'
import type { OptimizerRule } from './rule.ts'
import { withDecay } from './rule.ts'

/**
 * RMSprop as PyTorch has it: ε outside of the root, η outside of the velocity.
 *
 *   g ← g + λ w                     (kernels alone; coupled)
 *   v ← α v + (1 − α) g²
 *   u ← μ u + g / (√v + ε)
 *   w ← w − η u
 *
 * TensorFlow's own operation has ε within the root, so it is not used.
 *
 * @see Hinton: Neural Networks for Machine Learning, lecture 6e,
 *   https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf (momentum and decay are PyTorch's)
 */
export function rmsprop(spec: Extract<OptimizerSpec, { name: 'rmsprop' }>): OptimizerRule {
  const { alpha, epsilon, momentum, weightDecay } = spec
  return {
    name: 'rmsprop',
    slots: ['v', 'u'],
    countsUpdates: false,
    rates: (lr, _t, given = momentum) => [lr, given],
    update(input) {
      const { tf, weight, slots, rates } = input
      const [lr, mu] = rates
      const [v, u] = slots
      const g = withDecay(input, weightDecay)
      const v1 = tf.add(tf.mul(v!, alpha), tf.mul(tf.square(g), 1 - alpha))
      const u1 = tf.add(tf.mul(u!, mu!), tf.div(g, tf.add(tf.sqrt(v1), epsilon)))
      return { weight: tf.sub(weight, tf.mul(u1, lr!)), slots: [v1, u1] }
    },
  }
}
