import { z } from 'zod'
import { Positive } from './parts.ts'

export const OptimizerSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('adamw'),
    beta1: z.number().min(0).max(0.9999).default(0.9),
    beta2: z.number().min(0).max(0.999999).default(0.999),
    epsilon: Positive.default(1e-8),
    /** Decoupled; not applied to biases and normalisation parameters. */
    weightDecay: z.number().min(0).max(1).default(0.01),
  }),
  z.strictObject({
    name: z.literal('sgdm'),
    momentum: z.number().min(0).max(0.9999).default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: z.number().min(0).max(1).default(0),
  }),
])
export type OptimizerSpec = z.infer<typeof OptimizerSpec>
