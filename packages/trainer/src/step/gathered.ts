import type { Tensor } from '@tensorflow/tfjs'
import type { StateEntry } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { ModelVariable } from '../models/model.ts'

/** Gradients of the parts of a batch, added up until the update. Between steps there are none: nothing to be saved. */
export interface Gathered {
  readonly state: readonly StateEntry[]
  /** Part of the step: adds gradients, in the order of the variables. */
  add(gradients: readonly Tensor[]): void
  /** Part of the step: all that was added and these; nothing is gathered from then on. */
  take(gradients: readonly Tensor[]): Tensor[]
  dispose(): void
}

export function createGathered(tf: Tf, variables: readonly ModelVariable[]): Gathered {
  const sums = variables.map(({ variable }) => tf.tidy(() => tf.variable(tf.zeros(variable.shape), false)))
  return {
    state: sums.map((variable, i) => ({ name: `gathered/${variables[i]!.name}`, variable })),
    add: (gradients) => sums.forEach((sum, i) => sum.assign(tf.add(sum, gradients[i]!))),
    take(gradients) {
      const all = sums.map((sum, i) => tf.add(sum, gradients[i]!))
      // Not an assignment of zeros: what a compiled step assigns is computed from state or feeds. Not times 0 either: it
      // may not be finite.
      for (const sum of sums) sum.assign(tf.zerosLike(sum))
      return all
    },
    dispose: () => tf.dispose(sums),
  }
}
