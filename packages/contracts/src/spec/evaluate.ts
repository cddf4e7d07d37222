import { z } from 'zod'

export const EvaluateSpec = z.strictObject({
  /** Evaluate after every so many epochs; always after the last. */
  everyEpochs: z.int().min(1).max(1000).default(1),
  batch: z.int().min(1).max(4096).default(128),
  /** Views averaged at evaluation and prediction. */
  tta: z.enum(['none', 'flip']).default('none'),
})
export type EvaluateSpec = z.infer<typeof EvaluateSpec>

export const EarlyStopSpec = z.strictObject({
  /** Evaluations without gain after which the stage ends. */
  patience: z.int().min(1).max(1000),
  minGain: z.number().min(0).default(1e-4),
})
export type EarlyStopSpec = z.infer<typeof EarlyStopSpec>
