import { z } from 'zod'
import { Positive } from './parts.ts'

/** Hard-negative mining: what was learnt worst in an epoch comes twice in the next. docs/spec/mining.md. */
export const MineSpec = z.strictObject({
  /** Part of the samples, those with the highest loss. */
  share: Positive.max(1).default(0.05),
})
export type MineSpec = z.infer<typeof MineSpec>
