import { z } from 'zod'
import { Ordinal } from '../ids.ts'

/** Why an experiment of a matrix was stopped before its end. */
export const HalvingStop = z.strictObject({
  /** First folds that were compared. */
  folds: z.int().positive(),
  /** The experiment with the best scores over them. */
  best: Ordinal,
  /** How far it is behind that one on average, and how far it might have been. */
  behind: z.number(),
  bound: z.number(),
})
export type HalvingStop = z.infer<typeof HalvingStop>
