import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs'
import type { EmaSpec } from '@baton/contracts'
import type { InputSpec, StateEntry } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { Model } from '../models/model.ts'
import { averageName } from './state-names.ts'

/** A moving average of a model's variables, normalisation statistics too. */
export interface Average {
  /** The averages as state of the step's program. */
  readonly state: readonly StateEntry[]
  /** What `rates` gives and `apply` takes. */
  readonly rateInput: InputSpec
  /** What the update of a step mixes by, [d, 1 − d]; the caller disposes it. */
  rates(step: number): Tensor1D
  /** Moves the averages towards the variables as they are. Part of the step. */
  apply(rates: Tensor): void
  /** Computes with the averages in place of the variables, which are afterwards what they were. */
  inPlace<T>(compute: () => T): T
  dispose(): void
}

/**
 *   a ← d a + (1 − d) w
 *
 * as timm's ModelEmaV3 does: over everything that a model consists of, and with d = 0 at the first step, so that an
 * average begins with the weights after it.
 *
 * @see Polyak, Juditsky: Acceleration of stochastic approximation by averaging, https://doi.org/10.1137/0330046
 */
export function createAverage(tf: Tf, spec: EmaSpec, { variables }: Pick<Model, 'variables'>): Average {
  const pairs = variables.map(({ name, variable }) => ({
    name: averageName(name),
    variable,
    average: tf.tidy(() => tf.variable(tf.zeros(variable.shape), false)),
  }))
  return {
    state: pairs.map(({ name, average }) => ({ name, variable: average })),
    rateInput: { shape: [2], dtype: 'float32' },
    rates(step) {
      const d = averageDecay(spec, step)
      return tf.tensor1d([d, 1 - d])
    },
    apply(rates) {
      const [kept, taken] = tf.unstack(rates) as [Scalar, Scalar]
      for (const { variable, average } of pairs) average.assign(tf.add(tf.mul(average, kept), tf.mul(variable, taken)))
    },
    inPlace(compute) {
      const values = pairs.map(({ variable }) => variable.clone())
      try {
        for (const { variable, average } of pairs) variable.assign(average)
        return compute()
      } finally {
        pairs.forEach(({ variable }, i) => variable.assign(values[i]!))
        tf.dispose(values)
      }
    },
    dispose: () => tf.dispose(pairs.map(({ average }) => average)),
  }
}

/**
 * What an average keeps of itself at a step: 0 at the first, then `decay`, with a warm-up at most 1 − u^(−2/3), u being
 * the steps done with this one.
 *
 * @param step Counts over the fold's whole training, 0-based.
 */
export function averageDecay({ decay, warmup }: EmaSpec, step: number): number {
  if (step === 0) return 0
  return warmup ? Math.min(decay, 1 - (step + 1) ** (-2 / 3)) : decay
}
