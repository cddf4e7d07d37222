import type { OptimizerSpec } from '@baton/contracts'
import { adamInPlace, momentRates, momentSlots, nextMoments } from './moments.ts'
import type { OptimizerRule, UpdateInput } from './rule.ts'

/**
 * AdamW, in the order of operations of PyTorch:
 *
 *   w ← w (1 − η λ)                 (what decays alone; decoupled)
 *   m, v, d of g (see `nextMoments`)
 *   w ← w − η c d
 *
 * with t counted for each variable: one that is opened in a later stage has its moments corrected from its own first
 * update on.
 *
 * @see Loshchilov, Hutter: Decoupled Weight Decay Regularization, algorithm 2, https://arxiv.org/abs/1711.05101
 */
export function adamw(spec: Extract<OptimizerSpec, { name: 'adamw' }>): OptimizerRule {
  const { weightDecay } = spec
  const decayed = ({ tf, weight, rates, decays }: UpdateInput) =>
    decays && weightDecay > 0 ? tf.mul(weight, rates.at(-1)!) : weight
  return {
    name: 'adamw',
    slots: momentSlots,
    countsUpdates: true,
    rates: (lr, t, momentum) => [...momentRates(spec, lr, t, momentum), 1 - lr * weightDecay],
    update(input) {
      const { tf, gradient, rates } = input
      const { slots, direction } = nextMoments(input, gradient, spec)
      return { weight: tf.sub(decayed(input), tf.mul(direction, rates[0]!)), slots }
    },
    inPlace: (input) => ({ ...adamInPlace(input, input.gradient, spec), weight: decayed(input) }),
  }
}
