import { z } from 'zod'

/** A moving average of all weights and statistics: a ← d a + (1 − d) w after every step, d = 0 at the first. */
export const EmaSpec = z.strictObject({
  /** d, from the second step on. */
  decay: z.number().min(0).max(0.999999).default(0.999),
  /** d rises with the steps u done, to at most `decay`: d = 1 − u^(−2/3). */
  warmup: z.boolean().default(true),
})
export type EmaSpec = z.infer<typeof EmaSpec>
