import { z } from 'zod'
import type { AddFault } from './parts.ts'
import { GroupName, Positive } from './parts.ts'

/**
 * Discriminative learning rates: each layer group trains with the schedule's rate times a factor of its own, told in
 * one of three ways. Groups are counted over the whole model, frozen ones too, from l = 1 to L, the head.
 */
export const LrScaleSpec = z.strictObject({
  /** Layer decay d: factor_l = d^(L − l). */
  decay: Positive.max(1).optional(),
  /** Geometric, from this factor of the first group to 1 of the head: factor_l = slice^((L − l) / (L − 1)). */
  slice: Positive.max(1).optional(),
  /** Factors by name; groups that are not named have 1. */
  groups: z.record(GroupName, Positive.max(1000)).optional(),
})
export type LrScaleSpec = z.infer<typeof LrScaleSpec>

export function checkLrScale(lrScale: LrScaleSpec | null, fault: AddFault): void {
  if (lrScale !== null && Object.keys(lrScale).length !== 1)
    fault([], 'takes exactly one of decay, slice and groups; remove the others')
}
