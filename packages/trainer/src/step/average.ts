import type { Scalar } from '@tensorflow/tfjs'
import type { EmaSpec } from '@baton/contracts'
import { moveTowards } from '@baton/graph-step'
import type { InputSpec, StateEntry } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { Model } from '../models/model.ts'
import { averageName } from './state-names.ts'

/** A moving average of a model's variables, normalisation statistics too. */
export interface Average {
  /** The averages as state of the step's program. */
  readonly state: readonly StateEntry[]
  /** What `rate` gives and `apply` takes. */
  readonly rateInput: InputSpec
  /** What an average takes of the variable at a step, 1 − d; the caller disposes it. */
  rate(step: number): Scalar
  /** Moves the averages towards the variables as they are. Part of the step. */
  apply(rate: Scalar): void
  /** Computes with the averages in place of the variables, which are afterwards what they were. */
  inPlace<T>(compute: () => T): T
  dispose(): void
}

/**
 *   a ← a + (1 − d)(w − a)
 *
 * as timm's ModelEmaV3 does: over everything that a model consists of, and with d = 0 at the first step, so that an
 * average, 0 until then, begins with the weights after it.
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
    rateInput: { shape: [], dtype: 'float32' },
    rate: (step) => tf.scalar(1 - averageDecay(spec, step)),
    apply(rate) {
      for (const { variable, average } of pairs) moveTowards(tf, average, variable, rate)
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
