import {
  Blob,
  CheckpointManifest,
  Digest,
  ExperimentInput,
  ExperimentSpec,
  Failure,
  LogLine,
  MetricPoint,
  Progress,
  ShardFile,
  TrainingEnvironment,
} from '@baton/contracts'
import { z } from 'zod'
import { ShardPiece } from '../transfer/shard-piece.ts'

/** A path of this machine. */
const Path = z.string().min(1)
const Seconds = z.number().nonnegative()

/** What a training child needs to begin: local paths and plain data, no address and no credential. */
export const TrainingRun = z.strictObject({
  spec: ExperimentSpec,
  specDigest: Digest,
  /** 0-based. */
  fold: z.int().nonnegative(),
  /** The dataset's manifest. Where its samples lie is asked for: its shards may be on their way. */
  manifestPath: Path,
  /** The unpacked code bundle. */
  bundleDir: Path.nullable(),
  /** What the training takes from elsewhere, and where it lies. */
  inputs: z.array(z.strictObject({ input: ExperimentInput, path: Path })),
  /** The checkpoint to go on from; its files by name. */
  resume: z.strictObject({ manifest: CheckpointManifest, files: z.record(z.string(), Path) }).nullable(),
  /** An empty folder of the child's own. */
  workDir: Path,
  threads: z.int().positive(),
  dataThreads: z.int().nonnegative(),
  execution: TrainingEnvironment.shape.execution.unwrap(),
  /** Where packages and libraries that take long to prepare are kept. */
  cacheDir: Path,
})
export type TrainingRun = z.infer<typeof TrainingRun>

/**
 * What the supervisor asks of a training, in rising order.
 *
 * checkpoint  save one more checkpoint, go on
 * hand-over   save a checkpoint, stop
 * cancel      stop, keep nothing
 */
export const Signal = z.enum(['checkpoint', 'hand-over', 'cancel'])
export type Signal = z.infer<typeof Signal>

/** What the supervisor says to the child. */
export const ToChild = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('start'), run: TrainingRun }),
  z.strictObject({ kind: z.literal('signal'), signal: Signal }),
  /** The answer to `find` of the same id. */
  z.strictObject({ kind: z.literal('found'), id: z.int(), file: ShardFile }),
])
export type ToChild = z.infer<typeof ToChild>

/** A file on disk with its digest. */
export const LocalFile = Blob.extend({ path: Path })
export type LocalFile = z.infer<typeof LocalFile>

/** A checkpoint that lies whole on disk, in a folder that may be removed or moved at any time. */
export const SavedCheckpoint = z.strictObject({
  manifest: CheckpointManifest,
  dir: Path,
  /** Path of each of the manifest's files, by name. */
  files: z.record(z.string(), Path),
  /** From the start of the save to its last byte. */
  saveSeconds: Seconds,
})
export type SavedCheckpoint = z.infer<typeof SavedCheckpoint>

/** How a training that did not fail ended. `step`: the next one to do. */
export const Outcome = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('completed'),
    step: z.int().nonnegative(),
    oof: LocalFile,
    test: LocalFile.nullable(),
    weights: LocalFile,
  }),
  z.strictObject({ kind: z.literal('handed-over') }),
  z.strictObject({ kind: z.literal('cancelled') }),
])
export type Outcome = z.infer<typeof Outcome>

/** What the child says to the supervisor. The last message is an outcome or a failure. */
export const FromChild = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('progress'),
    progress: Progress,
    /** Longest time between two looks at the signal since the last such message. */
    stepSeconds: Seconds,
  }),
  z.strictObject({ kind: z.literal('metrics'), points: z.array(MetricPoint.omit({ seq: true })) }),
  z.strictObject({ kind: z.literal('log'), level: LogLine.shape.level, text: z.string() }),
  z.strictObject({ kind: z.literal('checkpoint'), checkpoint: SavedCheckpoint }),
  /** Asks for a file that has these samples of a shard. */
  z.strictObject({
    kind: z.literal('find'),
    id: z.int(),
    shard: z.int().nonnegative(),
    pieces: z.array(ShardPiece).min(1),
  }),
  z.strictObject({ kind: z.literal('outcome'), outcome: Outcome }),
  z.strictObject({ kind: z.literal('failure'), failure: Failure.pick({ code: true, detail: true, step: true }) }),
])
export type FromChild = z.infer<typeof FromChild>
/** What the child says while it trains. */
export type FromTraining = Exclude<FromChild, { kind: 'outcome' | 'failure' | 'find' }>
