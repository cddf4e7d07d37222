import { z } from 'zod'

/** Experiments of one matrix: more are a search, which is better done in steps. */
export const CELLS_MAX = 64

/**
 * What one experiment of a matrix has otherwise: values by where they stand in the spec, as a path (`stages.all.epochs`,
 * `image.size`) or a JSON pointer (`/image/size`). They are laid over the spec as a clone's are (`applyMergePatch`).
 */
export const CellValues = z.record(z.string().min(1).max(200), z.json())
export type CellValues = z.infer<typeof CellValues>

/** Every combination of the values of its axes, without those excluded, and with those included beside them. */
export const MatrixAxes = z
  .object({
    /** Experiments beside the combinations; `{}` is the spec as it is. */
    include: z.array(CellValues).max(CELLS_MAX).default([]),
    /** Combinations that have all values of one of these are left out. */
    exclude: z.array(CellValues).max(CELLS_MAX).default([]),
  })
  .catchall(z.array(z.json()).min(1).max(CELLS_MAX))
export type MatrixAxes = z.infer<typeof MatrixAxes>

/**
 * Stops experiments of a matrix that are behind: when all have finished their first k folds, those whose scores over them
 * are on average farther behind the best one's than
 *
 *   bound(k) = margin · √((1/k + 1/(K − 1)) / (1 + 1/(K − 1))),  K folds
 *
 * The mean of k differences that folds share training samples in varies by that much less than one does (Nadeau, Bengio
 * 2003), so the bound tightens as folds finish.
 */
export const HalvingSpec = z.strictObject({
  /** How far one fold may be behind by chance, in the metric's units. */
  margin: z.number().positive().max(1).default(0.02),
  /** Folds that each finishes before any is stopped. */
  afterFolds: z.int().min(1).max(49).default(1),
})
export type HalvingSpec = z.infer<typeof HalvingSpec>

/** A spec with a `matrix`: all its other fields are those of `ExperimentSpec`, and are checked in each experiment. */
export const MatrixSpec = z
  .object({
    name: z.string().trim().min(1).max(120),
    matrix: MatrixAxes,
    /** Stop those that fall behind; null: all of them finish. */
    halving: HalvingSpec.nullable().default(null),
  })
  .catchall(z.json())
export type MatrixSpec = z.infer<typeof MatrixSpec>
