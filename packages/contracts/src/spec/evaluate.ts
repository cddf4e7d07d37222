import { z } from 'zod'
import type { AddFault } from './parts.ts'

export const EvaluateSpec = z.strictObject({
  /** Evaluate after every so many epochs of a stage, 0.5 is twice in each; always at the stage's end. */
  everyEpochs: z.number().positive().max(1000).default(1),
  /** Evaluate after every so many steps of a stage, in place of `everyEpochs`; null: by epochs. */
  everySteps: z.int().min(1).max(100_000_000).nullable().default(null),
  /** Pictures that are predicted at a time. */
  batch: z.int().min(1).max(4096).default(128),
  /**
   * What a prediction is the mean of: the plain picture, that and its mirror image, or so many draws of what moves
   * pictures in training. docs/spec/augment.md.
   */
  tta: z
    .union([z.enum(['none', 'flip']), z.strictObject({ views: z.int().min(1).max(64) })], {
      error: 'must be "none", "flip" or { views: n }',
    })
    .default('none'),
})
export type EvaluateSpec = z.infer<typeof EvaluateSpec>

export function checkEvaluate({ everyEpochs, everySteps }: EvaluateSpec, fault: AddFault): void {
  if (everySteps !== null && everyEpochs !== 1)
    fault(['everySteps'], 'evaluations come by everyEpochs already; give only one of the two')
}

export const EarlyStopSpec = z.strictObject({
  /** Evaluations without gain after which the stage ends. */
  patience: z.int().min(1).max(1000),
  minGain: z.number().min(0).default(1e-4),
})
export type EarlyStopSpec = z.infer<typeof EarlyStopSpec>
