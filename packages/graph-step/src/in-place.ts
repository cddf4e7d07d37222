import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { InPlace } from './native.ts'
import { attribute, nodeBackend } from './native.ts'

/** Whether what is computed now is written down as a graph, in which variables can be updated in place. */
export function isRecorded(tf: Tf): boolean {
  return nodeBackend(tf)?.updateInPlace !== undefined
}

/**
 * Part of a step that is recorded: updates variables of its state, of one shape. Who reads them from then on reads what they
 * are after it, who has read them keeps what they were.
 *
 * @throws {Error} where nothing is recorded
 */
export function updateInPlace(tf: Tf, variables: readonly Variable[], update: InPlace): void {
  const backend = nodeBackend(tf)
  if (!backend?.updateInPlace) throw new Error('variables are updated in place only where a graph is recorded')
  backend.updateInPlace(variables, update)
}

/** Part of a step: v ← v + s (x − v). */
export function moveTowards(tf: Tf, variable: Variable, x: Tensor, share: Scalar): void {
  if (isRecorded(tf)) updateInPlace(tf, [variable], descent(share, tf.sub(variable, x)))
  else variable.assign(tf.add(variable, tf.mul(tf.sub(x, variable), share)))
}

const isLocking = attribute.bool('use_locking', false)

/** w ← w − η g, of w. */
export function descent(rate: Scalar, gradient: Tensor): InPlace {
  const attributes = [attribute.floatType('T'), isLocking]
  return { op: 'ResourceApplyGradientDescent', attributes, inputs: [rate, gradient] }
}

/**
 * Of w and v:
 *
 *   v ← μ v + g
 *   w ← w − η v,  or with Nesterov  w ← w − η (g + μ v)
 */
export function momentumDescent(rate: Scalar, gradient: Tensor, momentum: Scalar, nesterov: boolean): InPlace {
  const attributes = [attribute.floatType('T'), isLocking, attribute.bool('use_nesterov', nesterov)]
  return { op: 'ResourceApplyMomentum', attributes, inputs: [rate, gradient, momentum] }
}

export interface AdamInputs {
  /** η, with all that corrects the moments. */
  readonly rate: Scalar
  readonly gradient: Tensor
  readonly beta1: Scalar
  readonly beta2: number
  readonly epsilon: Scalar
}

/**
 * Of w, m and v:
 *
 *   m ← m + (1 − β₁)(g − m)
 *   v ← v + (1 − β₂)(g² − v)
 *   w ← w − η m / (√v + ε)
 *
 * TensorFlow computes 1 − β in float32, whose grain near 1 is 6·10⁻⁸: 1.3·10⁻⁵ of it for β₂ = 0.999.
 */
export function adamDescent(tf: Tf, { rate, gradient, beta1, beta2, epsilon }: AdamInputs): InPlace {
  // Of its own correction, √(1 − β₂ᵗ) / (1 − β₁ᵗ), powers of 0 make 1.
  const none = tf.scalar(0)
  const inputs = [none, none, rate, beta1, tf.scalar(beta2), epsilon, gradient]
  const attributes = [attribute.floatType('T'), isLocking, attribute.bool('use_nesterov', false)]
  return { op: 'ResourceApplyAdam', attributes, inputs }
}
