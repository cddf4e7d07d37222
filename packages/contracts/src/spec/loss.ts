import { z } from 'zod'
import type { AddFault } from './parts.ts'
import { Positive, Probability } from './parts.ts'

/** y ← y (1 − s) + s / 2 */
const labelSmoothing = z.number().min(0).max(0.5).default(0)
const Weight = Positive.max(1000)
const bce = {
  labelSmoothing,
  /** Weight of positive terms: one number, one a label in the dataset's order, or one a label group, 1 if not named. */
  positiveWeight: z
    .union([Weight, z.array(Weight).min(1), z.record(z.string(), Weight)], {
      error: 'must be a number, a list of one a label, or numbers by label group, each more than 0 and at most 1000',
    })
    .default(1),
}
const beta = z.number().positive().max(10).default(2)
/** Whether the weight by which a term is focused counts as a constant for the gradient. */
const detach = z.boolean().default(false)

export const LossSpec = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('bce'), ...bce }),
  z.strictObject({
    /** Lin et al.; with `detach` in the form of ceshine's iMet solution. */
    name: z.literal('focal'),
    gamma: z.number().min(0).max(10).default(2),
    /** Weight of positive terms; negative ones have 1 − alpha. */
    alpha: Probability.default(0.25),
    detach,
  }),
  z.strictObject({
    /** 1 − F-beta of the probabilities, a sample at a time. */
    name: z.literal('soft-fbeta'),
    beta,
  }),
  z.strictObject({
    /** BCE plus `fbetaWeight` times 1 − F-beta. */
    name: z.literal('bce+fbeta'),
    ...bce,
    beta,
    fbetaWeight: Weight.default(1),
  }),
  z.strictObject({
    /** BCE plus `forgivingWeight` times BCE of x · y: for labels that may be missing. */
    name: z.literal('forgiving'),
    forgivingWeight: Weight.default(1),
  }),
  z.strictObject({
    name: z.literal('asymmetric'),
    gammaPositive: z.number().min(0).max(10).default(1),
    gammaNegative: z.number().min(0).max(10).default(4),
    /** Negative terms of a probability up to this count nothing. */
    clip: z.number().min(0).max(0.5).default(0.05),
    /** Least probability whose logarithm is taken. */
    epsilon: Positive.max(0.1).default(1e-8),
    labelSmoothing,
    detach,
  }),
  z.strictObject({
    /** Cross-entropy over all labels, for samples of exactly one label each; predictions are softmax probabilities. */
    name: z.literal('softmax'),
    /** y ← y (1 − s) + s / labels */
    labelSmoothing: z.number().min(0).max(0.9).default(0),
  }),
  z.strictObject({
    /** The code bundle's `loss` export computes it. */
    name: z.literal('bundle'),
    options: z.record(z.string(), z.json()).default({}),
  }),
])
export type LossSpec = z.infer<typeof LossSpec>

/** Predictions are made of logits in one way, whatever stage they come from. */
export function checkLosses(losses: readonly LossSpec[], fault: AddFault): void {
  const isSoftmax = losses.map(({ name }) => name === 'softmax')
  const other = isSoftmax.indexOf(!isSoftmax[0])
  if (other >= 0)
    fault(
      [other, 'loss', 'name'],
      'softmax makes predictions that sum to 1, the other losses one for each label alone; give all stages softmax or none',
    )
}
