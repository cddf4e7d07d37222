import { z } from 'zod'
import { Blob, Count, Digest } from './ids.ts'
import { Precision } from './spec/precision.ts'

/** What decides the bytes of a training: resuming under another is no longer exact, and says so. */
export const TrainingEnvironment = z.strictObject({
  backend: z.string(),
  tensorflow: z.string(),
  device: z.string(),
  intraOpThreads: z.int().positive(),
  interOpThreads: z.int().positive(),
  oneDnn: z.boolean(),
  /** Of training: the spec's, and fp32 where steps run eagerly. */
  precision: Precision,
  /**
   * Whether steps run as graphs, or operation by operation, as those of a code bundle that cannot be graphs; so all did
   * before this was recorded.
   */
  execution: z.enum(['compiled', 'eager']).default('eager'),
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

/** A decision on where a stage that lasts so many hours ends. Steps are the stage's. */
export const Landing = z.strictObject({
  /** Made when so many steps were done … */
  step: Count,
  /** … in so much training time of the stage. */
  spentMs: z.number().nonnegative(),
  /** Part of the schedule that lay behind then. */
  progress: z.number().min(0).max(1),
  /** The step that the stage ends at. */
  end: Count,
})
export type Landing = z.infer<typeof Landing>

/** Time of a stage that lasts so many hours: measured, so no function of the position. */
export const StageHours = z.strictObject({
  /** Training time of the steps done, over all sessions, with the evaluations between them. */
  spentMs: z.number().nonnegative(),
  /** What a step takes; null before the first. */
  stepMs: z.number().nonnegative().nullable(),
  /** What the last evaluation took; 0 before the first. */
  evaluationMs: z.number().nonnegative(),
  /** Every decision so far, oldest first; the last one holds. */
  landings: z.array(Landing),
})
export type StageHours = z.infer<typeof StageHours>

/** State of the `plateau` schedule, of the stage. */
export const PlateauState = z.strictObject({
  best: z.number().nullable(),
  /** Evaluations since `best` was beaten or the rate dropped. */
  wait: Count,
  /** Evaluations that are not counted, after a drop. */
  cooldown: Count,
  drops: Count,
})
export type PlateauState = z.infer<typeof PlateauState>

/** The small, explicit state that is not a function of the position. */
export const LoopState = z.strictObject({
  best: z.strictObject({ score: z.number(), step: Count }).nullable(),
  /** Evaluations since `best` improved. */
  evaluationsWithoutGain: Count,
  /** The stage ended before its duration, by early stopping. */
  stoppedEarly: z.boolean(),
  /** Whether training is over and only prediction remains. */
  trained: z.boolean(),
  /** Where the stage lasts so many hours; null in others. */
  hours: StageHours.nullable().default(null),
  /** Where the stage's schedule is `plateau`; null in others. */
  plateau: PlateauState.nullable().default(null),
  /** Parts that the stage's batches are done in since it ran out of memory; null: it did not. */
  accumulate: z.int().positive().nullable().default(null),
  /** Pictures that are predicted at a time since a prediction ran out of memory; null: none did. */
  predictBatch: z.int().positive().nullable().default(null),
})
export type LoopState = z.infer<typeof LoopState>

/**
 * weights    the model's variables, with normalisation statistics
 * optimizer  slots and averages by variable name, mining's losses and the loss scale
 * best       weights of the best evaluation
 *
 * `frozen-…` is the part of each that its stage leaves as it is. These bytes are the same in all checkpoints of the stage,
 * so they are sent once.
 */
export const CheckpointFileName = z.enum([
  'weights',
  'frozen-weights',
  'optimizer',
  'frozen-optimizer',
  'best',
  'frozen-best',
])
export type CheckpointFileName = z.infer<typeof CheckpointFileName>

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
  files: z.array(Blob.extend({ name: CheckpointFileName })),
})
export type CheckpointManifest = z.infer<typeof CheckpointManifest>

/** What a finished fold leaves: predictions as safetensors (`sample` int32 [n], `probability` float32 [n, labels]) and weights. */
export const FoldResult = z.strictObject({
  oof: Blob,
  test: Blob.nullable(),
  weights: Blob,
})
export type FoldResult = z.infer<typeof FoldResult>
