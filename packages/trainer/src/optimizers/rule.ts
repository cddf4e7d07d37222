import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import type { InPlace } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'

/** What one update changes of one variable. All tensors have the variable's shape. */
interface Update {
  readonly weight: Tensor
  readonly slots: readonly Tensor[]
}

export interface UpdateInput {
  readonly tf: Tf
  readonly weight: Variable
  readonly slots: readonly Variable[]
  readonly gradient: Tensor
  /** The numbers that `rates` gave for this step. */
  readonly rates: readonly Scalar[]
  /** Whether weight decay is for this variable: by default for kernels alone. */
  readonly decays: boolean
}

/** An optimizer as a formula: what it keeps for a variable, and how one step changes that and the weight. */
export interface OptimizerRule {
  readonly name: string
  /** Kept for each variable, zero at first, in the order in which `update` takes and gives them. */
  readonly slots: readonly string[]
  /** Whether a variable's update depends on how many came before. */
  readonly countsUpdates: boolean
  /**
   * The numbers that differ from step to step, computed in double precision and fed to the step, so that one compiled
   * step serves all.
   *
   * @param lr Learning rate of this step.
   * @param t Updates of the variable, this one included: 1 at its first.
   * @param momentum Momentum of this step where a schedule gives it, β₁ for those of Adam's kind; otherwise the spec's.
   */
  rates(lr: number, t: number, momentum?: number): number[]
  update(input: UpdateInput): Update
  /**
   * The same, up to rounding, as one operation of TensorFlow on the weight and the slots, where it has one: what a graph
   * is made of.
   */
  inPlace?(input: UpdateInput): InPlaceUpdate
}

interface InPlaceUpdate extends InPlace {
  /** What the weight is to be before it; otherwise it stays. */
  readonly weight?: Tensor
}

/** g + λ w: the gradient with weight decay as a part of it, for variables that decay. */
export function withDecay({ tf, gradient, weight, decays }: UpdateInput, weightDecay: number): Tensor {
  return decays && weightDecay > 0 ? tf.add(gradient, tf.mul(weight, weightDecay)) : gradient
}
