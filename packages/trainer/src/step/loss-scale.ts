import type { Rank, Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import type { StateEntry } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import type { NamedTensors } from '../models/model.ts'

/** What the scale begins with, as in Keras. */
export const FIRST_SCALE = 2 ** 15
/** Steps without overflow after which the scale is doubled. */
export const GROWTH_STEPS = 2000
/** A scale of 1 changes nothing: what overflows by it is no fault of the scale. */
export const LEAST_SCALE = 1
/** As Apex has it: gradients that this does not lift out of float16's smallest numbers are as good as none. */
const MOST_SCALE = 2 ** 24

const names = { scale: 'loss-scale/scale', goodSteps: 'loss-scale/good-steps' }

/** Whether a tensor of a training's state is the loss scale's. */
export function isLossScale(name: string): boolean {
  return Object.values(names).includes(name)
}

/** A factor of the loss that keeps small gradients from vanishing in float16, with what it follows from. */
export interface LossScale {
  /** `loss-scale/scale`, and `loss-scale/good-steps` since it last changed. */
  readonly state: readonly StateEntry[]
  /** The state that a training begins with. */
  readonly first: NamedTensors
  /** Part of the step: the loss to differentiate. */
  scaled<T extends Tensor>(loss: T): T
  /** Part of the step: what came of the scaled loss as it is of the loss. Exact, as scales are powers of two. */
  unscaled<T extends Tensor>(value: T): T
  /**
   * Part of the step: sets the scale for the next one.
   *
   * @param isFinite Whether this step's gradients are all finite.
   * @returns The scale that this step was done with.
   */
  adapt(isFinite: Scalar): Scalar
  dispose(): void
}

/**
 *   finite:      n ← n + 1; once n = 2,000: s ← min(2 s, 2²⁴), n ← 0
 *   not finite:  s ← max(s / 2, 1), n ← 0
 *
 * from s = 2¹⁵, n = 0.
 *
 * @see Micikevicius et al.: Mixed Precision Training, section 3.2, https://arxiv.org/abs/1710.03740
 * @see https://docs.pytorch.org/docs/stable/amp.html#torch.amp.GradScaler (factors and interval),
 *   https://keras.io/api/optimizers/loss_scale_optimizer (the first scale)
 */
export function createLossScale(tf: Tf): LossScale {
  const first: [string, number][] = [
    [names.scale, FIRST_SCALE],
    [names.goodSteps, 0],
  ]
  const state = first.map(([name, value]) => {
    return { name, variable: tf.tidy(() => tf.variable(tf.scalar(value), false)) }
  })
  const [scale, goodSteps] = state.map(({ variable }) => variable) as [Variable<Rank.R0>, Variable<Rank.R0>]
  return {
    state,
    first: new Map(first.map(([name, value]) => [name, { shape: [], data: Float32Array.of(value) }])),
    scaled: (loss) => tf.mul(loss, scale),
    unscaled: (value) => tf.div(value, scale),
    adapt(isFinite) {
      const used: Scalar = scale.clone()
      const good = tf.mul<Scalar>(tf.add(goodSteps, 1), tf.cast(isFinite, 'float32'))
      const isGrowing = tf.greaterEqual<Scalar>(good, GROWTH_STEPS)
      const grown = tf.where(isGrowing, tf.minimum<Scalar>(tf.mul(used, 2), MOST_SCALE), used)
      scale.assign(tf.where(isFinite, grown, tf.maximum<Scalar>(tf.mul(used, 0.5), LEAST_SCALE)))
      goodSteps.assign(tf.where<Scalar>(isGrowing, tf.zerosLike(good), good))
      return used
    },
    dispose: () => tf.dispose([scale, goodSteps]),
  }
}

/**
 * Part of the step: computes what assigns variables, and leaves them as they were where a norm is not finite: nothing
 * of an overflow stays.
 */
export function assignIfFinite<T>(
  tf: Tf,
  targets: readonly { readonly variable: Variable }[],
  compute: () => T,
  normOf: (result: T) => Scalar,
): T {
  const before = targets.map(({ variable }) => variable.clone())
  const result = compute()
  const isFinite = tf.isFinite(normOf(result))
  targets.forEach(({ variable }, i) => {
    if (variable.dataId !== before[i]!.dataId) variable.assign(tf.where(isFinite, variable, before[i]!))
  })
  return result
}
