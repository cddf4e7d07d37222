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

/** A spec with a `matrix`: all its other fields are those of `ExperimentSpec`, and are checked in each experiment. */
export const MatrixSpec = z
  .object({
    name: z.string().trim().min(1).max(120),
    matrix: MatrixAxes,
  })
  .catchall(z.json())
export type MatrixSpec = z.infer<typeof MatrixSpec>
