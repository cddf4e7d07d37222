import { z } from 'zod'
import { Difference } from '../board/comparison.ts'
import { Id, Ordinal, Slug } from '../ids.ts'
import { Moment, Scores } from '../resources.ts'
import { ExperimentStatus } from '../states.ts'
import { HalvingStop } from './halving-stop.ts'
import { CellValues, HalvingSpec } from './matrix-spec.ts'

/** An experiment of a matrix, and how far it is from the baseline. */
export const MatrixCell = Scores.pick({ cv: true, cvMean: true, cvStd: true }).extend({
  id: Id,
  version: Ordinal,
  name: z.string(),
  /** What it has otherwise, as the matrix says it. */
  values: CellValues,
  status: ExperimentStatus,
  /** Set where halving cancelled it. */
  stopped: HalvingStop.nullable(),
  foldsTotal: z.int().positive(),
  foldsCompleted: z.int().nonnegative(),
  /**
   * Its folds' scores minus the baseline's, over the folds that both have: a paired t-test that is corrected for what
   * folds share. Null for the baseline itself, and where fewer than two folds can be compared.
   */
  difference: Difference.extend({
    /** The p value corrected for how many differences there are (Holm). */
    pHolm: z.number().min(0).max(1),
  }).nullable(),
})
export type MatrixCell = z.infer<typeof MatrixCell>

/** Experiments that were started together, from one spec: what differs between them, and what came of it. */
export const Matrix = z.strictObject({
  project: Slug,
  /** Number of its first experiment, which names it. */
  version: Ordinal,
  name: z.string(),
  createdAt: Moment,
  /** Number of the experiment that the others are compared with. */
  baseline: Ordinal,
  halving: HalvingSpec.nullable(),
  /** First folds of all that halving has compared so far. */
  foldsCompared: z.int().nonnegative(),
  cells: z.array(MatrixCell),
  /** What keeps folds or scores from being compared. */
  warnings: z.array(z.string()),
})
export type Matrix = z.infer<typeof Matrix>

/** A matrix in a list: how far its experiments are. */
export const MatrixRow = Matrix.pick({ version: true, name: true, createdAt: true, halving: true }).extend({
  /** Number of its last experiment. */
  lastVersion: Ordinal,
  experiments: z.int().positive(),
  /** Of them: completed, and not ended yet. */
  completed: z.int().nonnegative(),
  open: z.int().nonnegative(),
  /** The best CV among them, and whose it is. */
  cvBest: Scores.shape.cv,
  best: Ordinal.nullable(),
})
export type MatrixRow = z.infer<typeof MatrixRow>
