import { z } from 'zod'
import { Probability } from './parts.ts'

export const AugmentSpec = z.strictObject({
  /** Probability of a horizontal flip. */
  flip: Probability.default(0.5),
  /** Largest shift in pixels, by padding and cropping. */
  shift: z.int().min(0).max(256).default(0),
})
export type AugmentSpec = z.infer<typeof AugmentSpec>
