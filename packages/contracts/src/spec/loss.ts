import { z } from 'zod'
import { Positive } from './parts.ts'

export const LossSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('bce'),
    /** y ← y (1 − s) + s / 2 */
    labelSmoothing: z.number().min(0).max(0.5).default(0),
    /** Weight of positive terms. */
    positiveWeight: Positive.max(1000).default(1),
  }),
  z.strictObject({
    /** The code bundle's `loss` export computes it. */
    name: z.literal('bundle'),
    options: z.record(z.string(), z.json()).default({}),
  }),
])
export type LossSpec = z.infer<typeof LossSpec>
