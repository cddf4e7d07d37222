import { z } from 'zod'
import { Blob, Count, Digest } from './ids.ts'

/** What decides the bytes of a training: resuming under another is no longer exact, and says so. */
export const TrainingEnvironment = z.strictObject({
  backend: z.string(),
  tensorflow: z.string(),
  device: z.string(),
  intraOpThreads: z.int().positive(),
  interOpThreads: z.int().positive(),
  oneDnn: z.boolean(),
  precision: z.literal('fp32'),
})
export type TrainingEnvironment = z.infer<typeof TrainingEnvironment>

/** Position in a training. `step` counts optimizer steps over the fold's whole training, 0-based: the next one to do. */
export const Position = z.strictObject({
  step: Count,
  stage: Count,
  /** Steps done in this stage. */
  stageStep: Count,
  epoch: Count,
})
export type Position = z.infer<typeof Position>

/** The small, explicit state that is not a function of the position. */
export const LoopState = z.strictObject({
  best: z.strictObject({ score: z.number(), step: Count }).nullable(),
  /** Evaluations since `best` improved. */
  evaluationsWithoutGain: Count,
  /** The stage ended before its duration, by early stopping. */
  stoppedEarly: z.boolean(),
  /** Whether training is over and only prediction remains. */
  trained: z.boolean(),
})
export type LoopState = z.infer<typeof LoopState>

/**
 * A checkpoint: JSON that names its safetensors files by digest. The object that holds this JSON is named by
 * its own digest, so one digest vouches for everything a resume needs.
 */
export const CheckpointManifest = z.strictObject({
  format: z.literal('baton.checkpoint/1'),
  specDigest: Digest,
  fold: z.int().nonnegative(),
  position: Position,
  state: LoopState,
  environment: TrainingEnvironment,
  /** `weights` (with normalisation statistics), `optimizer` (slots by variable name), `best` (weights of the best evaluation). */
  files: z.array(Blob.extend({ name: z.enum(['weights', 'optimizer', 'best']) })),
})
export type CheckpointManifest = z.infer<typeof CheckpointManifest>

/** What a finished fold leaves: predictions as safetensors (`sample` int32 [n], `probability` float32 [n, labels]) and weights. */
export const FoldResult = z.strictObject({
  oof: Blob,
  test: Blob.nullable(),
  weights: Blob,
})
export type FoldResult = z.infer<typeof FoldResult>
