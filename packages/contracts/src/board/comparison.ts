import { z } from 'zod'
import { WholeRow } from './columns.ts'

/** A score of both, and right − left where both have one. */
const FoldDifference = z.strictObject({
  fold: z.int().nonnegative(),
  left: z.number().nullable(),
  right: z.number().nullable(),
  difference: z.number().nullable(),
})

/** How far scores of pairs of folds differ, and how sure that is. */
export const Difference = z.strictObject({
  folds: z.int().min(2),
  mean: z.number(),
  std: z.number().nonnegative(),
  /** Interval of the mean at this level. */
  level: z.number(),
  low: z.number(),
  high: z.number(),
  pValue: z.number().min(0).max(1),
})
export type Difference = z.infer<typeof Difference>

/** Two experiments side by side: what was asked for, and what came of it. */
export const Comparison = z.strictObject({
  left: WholeRow,
  right: WholeRow,
  /** Where the specs differ; a side that has nothing there is left out. */
  spec: z.array(z.strictObject({ pointer: z.string(), left: z.json().optional(), right: z.json().optional() })),
  /** Folds that either has, by index. */
  folds: z.array(FoldDifference),
  /**
   * How far the folds' scores differ, right − left, and how sure that is: a paired t-test that is corrected for what
   * folds share. Null where fewer than two folds can be compared.
   */
  difference: Difference.nullable(),
  /** What keeps their scores from being compared: other splits, another metric. */
  warnings: z.array(z.string()),
})
export type Comparison = z.infer<typeof Comparison>
