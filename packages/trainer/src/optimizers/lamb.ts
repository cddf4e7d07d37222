import type { OptimizerSpec } from '@baton/contracts'
import { globalNorm } from './clip.ts'
import { momentRates, momentSlots, nextMoments } from './moments.ts'
import type { OptimizerRule } from './rule.ts'

/**
 * LAMB: Adam's direction, whose length in each variable that decays is brought to that of its weights. As in timm, the
 * variables that do not decay are left at Adam's length.
 *
 *   m, v, d of g (see `nextMoments`)
 *   u = c d + λ w
 *   r = ‖w‖ / ‖u‖, 1 where either is 0      (of the variables that decay; 1 for the others, whose λ is 0)
 *   w ← w − η r u
 *
 * timm's own clipping of gradients is the stage's: `clipNorm: 1` is its default.
 *
 * @see You et al.: Large Batch Optimization for Deep Learning, algorithm 2, https://arxiv.org/abs/1904.00962
 * @see timm.optim.Lamb
 */
export function lamb(spec: Extract<OptimizerSpec, { name: 'lamb' }>): OptimizerRule {
  const { weightDecay } = spec
  return {
    name: 'lamb',
    slots: momentSlots,
    countsUpdates: true,
    rates: (lr, t, momentum) => [...momentRates(spec, 1, t, momentum), lr],
    update(input) {
      const { tf, weight, gradient, rates, decays } = input
      const lr = rates.at(-1)
      const { slots, direction } = nextMoments(input, gradient, spec)
      const adamStep = tf.mul(direction, rates[0]!)
      if (!decays || weightDecay === 0) return { weight: tf.sub(weight, tf.mul(adamStep, lr!)), slots }
      const step = tf.add(adamStep, tf.mul(weight, weightDecay))
      const [weightNorm, stepNorm] = [globalNorm(tf, [weight]), globalNorm(tf, [step])]
      const isPlain = tf.equal(tf.minimum(weightNorm, stepNorm), 0)
      const trust = tf.where(isPlain, tf.onesLike(stepNorm), tf.divNoNan(weightNorm, stepNorm))
      return { weight: tf.sub(weight, tf.mul(step, tf.mul(trust, lr!))), slots }
    },
  }
}
