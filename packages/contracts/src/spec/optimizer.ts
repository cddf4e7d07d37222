import { z } from 'zod'
import { Positive } from './parts.ts'
import type { AddFault } from './parts.ts'

/** What all optimizers have. */
const decay = {
  /** Whether biases and normalisation's parameters decay, too; otherwise kernels alone. */
  decayBiasAndNorm: z.boolean().default(false),
}
const weightDecay = z.number().min(0).max(1)
const momentum = z.number().min(0).max(0.9999)
/** Of Adam's kind. */
const moments = {
  beta1: momentum.default(0.9),
  beta2: z.number().min(0).max(0.999999).default(0.999),
}

export const OptimizerSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('adamw'),
    ...moments,
    epsilon: Positive.default(1e-8),
    /** Decoupled: weights shrink by the rate times this. */
    weightDecay: weightDecay.default(0.01),
    ...decay,
  }),
  z.strictObject({
    name: z.literal('adam'),
    ...moments,
    epsilon: Positive.default(1e-8),
    /** Coupled: a part of the gradient, as in all that follow. */
    weightDecay: weightDecay.default(0),
    ...decay,
  }),
  z.strictObject({
    name: z.literal('sgdm'),
    momentum: momentum.default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: weightDecay.default(0),
    ...decay,
  }),
  z.strictObject({ name: z.literal('sgd'), weightDecay: weightDecay.default(0), ...decay }),
  z.strictObject({
    name: z.literal('rmsprop'),
    /** What is kept of the mean square at each step. */
    alpha: z.number().min(0).max(0.999999).default(0.99),
    epsilon: Positive.default(1e-8),
    momentum: momentum.default(0),
    weightDecay: weightDecay.default(0),
    ...decay,
  }),
  z.strictObject({
    name: z.literal('lamb'),
    ...moments,
    epsilon: Positive.default(1e-6),
    /** A part of the step whose length is adapted. */
    weightDecay: weightDecay.default(0.01),
    ...decay,
  }),
])
export type OptimizerSpec = z.infer<typeof OptimizerSpec>

export function checkOptimizer({ weightDecay: part, decayBiasAndNorm }: OptimizerSpec, fault: AddFault): void {
  if (decayBiasAndNorm && part === 0)
    fault(['decayBiasAndNorm'], 'nothing decays: give weightDecay, or leave decayBiasAndNorm out')
}
