import type { DatasetManifest, ExperimentSpec, Position } from '@baton/contracts'
import type { LoadedTensorflow } from '@baton/tensorflow'
import type { Resumable } from '../checkpoint/newest-checkpoint.ts'
import type { SavedCheckpoint } from '../checkpoint/save-checkpoint.ts'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import type { FindShard } from '../data/pictures/open-shards.ts'
import type { LocalInput } from '../inputs/local-input.ts'
import type { Signal } from './interrupts.ts'

/** What to train, as plain data and local paths. */
export interface FoldRun {
  readonly spec: ExperimentSpec
  readonly specDigest: string
  /** 0-based. */
  readonly fold: number
  readonly manifest: DatasetManifest
  readonly findShard: FindShard
  /** Threads that make pictures, any number: it decides nothing of what is computed. 0: the training's own does. */
  readonly dataThreads: number
  /** The unpacked code bundle, where the spec has one. */
  readonly bundleDir: string | null
  /** What the training takes from elsewhere; what it begins with only where there is no checkpoint. */
  readonly inputs: readonly LocalInput[]
  /** The checkpoint to go on from. */
  readonly resume: Resumable | null
  /** A folder of the training's own: checkpoints and results are written there. */
  readonly workDir: string
}

/** How a training reaches the world. Nothing here may throw. */
export interface FoldPorts {
  readonly tensorflow: LoadedTensorflow
  /** Milliseconds that only grow. Decides where stages of so many hours end, and nothing else of what is computed. */
  readonly clock: { now(): number }
  /** Looked at between steps, before each image is decoded and between batches of a prediction. */
  readonly signal: () => Signal | null
  readonly progress: (progress: FoldProgress) => void
  readonly metrics: (points: readonly { step: number; name: string; value: number }[]) => void
  readonly log: (level: 'info' | 'warn' | 'error', text: string) => void
  /** A checkpoint lies on disk. Its folder is the receiver's to remove. */
  readonly checkpoint: (saved: SavedCheckpoint & { readonly saveSeconds: number }) => void
}

export interface FoldProgress {
  readonly position: Position
  /** Steps of the whole training as far as is known: early stopping makes it less, stages of so many hours more. */
  readonly totalSteps: number
  readonly stageName: string
  /** Of the last step; null before the first of this session. */
  readonly loss: number | null
  readonly lr: number | null
  readonly imagesPerSecond: number | null
  /** Of the steps that are left, at this session's pace. */
  readonly etaSeconds: number | null
}

/**
 * How a training that did not fail ended.
 *
 * completed    predictions and weights lie in `workDir`
 * handed-over  the last checkpoint was said through `checkpoint`; `position` is the next step to do
 * cancelled    nothing was kept
 */
export type FoldOutcome =
  | {
      readonly kind: 'completed'
      readonly position: Position
      /**
       * Predictions of the fold's validation samples: `sample` int32 [n], `probability` float32 [n, labels]; with `knn` in
       * the spec `vote` float32 [n, labels] and `distance` float32 [n], what their nearest training samples say; with `labels`
       * in the spec also `label` int32 [labels], which of the dataset's labels the columns are.
       */
      readonly oof: LocalFile
      /** The same of the test samples; null where the dataset has none. */
      readonly test: LocalFile | null
      /** Weights of the best evaluation, which the predictions are made with. */
      readonly weights: LocalFile
      /** Score of the best evaluation, at thresholds searched on it, and the step it was made at. */
      readonly best: { readonly score: number; readonly step: number }
    }
  | { readonly kind: 'handed-over'; readonly position: Position }
  | { readonly kind: 'cancelled' }
