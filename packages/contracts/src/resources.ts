import { z } from 'zod'
import { Blend } from './blend.ts'
import { CheckpointManifest } from './checkpoint.ts'
import { LabelGroup } from './dataset.ts'
import { Blob, Count, Digest, Id, Ordinal, Slug } from './ids.ts'
import { ExperimentInput } from './inputs.ts'
import { HalvingStop } from './matrix/halving-stop.ts'
import { problemCodes } from './problems.ts'
import { ExperimentSpec } from './spec/index.ts'
import { AttemptStatus, ExperimentStatus, FoldStatus, Provider, SessionStatus } from './states.ts'

/** A moment, ISO 8601 in UTC. */
export const Moment = z.iso.datetime()

/** Why a fold or attempt failed: a row of the problem table and the facts of this case. */
export const Failure = z.strictObject({
  code: z.enum(problemCodes),
  detail: z.string().max(4000),
  /** Last lines of the training's log. */
  lastLines: z.array(z.string().max(1000)).max(50).default([]),
  /** The step the training stood at, where there is one. */
  step: Count.nullable().default(null),
})
export type Failure = z.infer<typeof Failure>

export const Project = z.strictObject({ id: Id, slug: Slug, name: z.string(), createdAt: Moment })
export type Project = z.infer<typeof Project>

/** What the folds of a dataset can be split by. */
export const SplitFacts = z.strictObject({
  /** Groups that its train samples are in. */
  groups: z.int().nonnegative(),
  /** Those and its train samples without a group: what is never divided. */
  units: z.int().nonnegative(),
  /** Train samples of each fold that the dataset says itself; empty where it does not, or not of each sample. */
  foldSizes: z.array(z.int().nonnegative()).max(50),
})
export type SplitFacts = z.infer<typeof SplitFacts>

export const DatasetVersion = z.strictObject({
  dataset: Slug,
  version: z.int().positive(),
  manifest: Digest,
  samplesTrain: z.int().nonnegative(),
  samplesTest: z.int().nonnegative(),
  sizeBytes: z.int().nonnegative(),
  labelGroups: z.array(z.strictObject({ name: LabelGroup.shape.name, labels: z.int().positive() })),
  /** Null: a version from before Baton looked. */
  splitFacts: SplitFacts.nullable(),
  createdAt: Moment,
})
export type DatasetVersion = z.infer<typeof DatasetVersion>

/** Experiments that use something: how many, and the versions of the newest twenty. */
export const UsedBy = z.strictObject({ experiments: z.int().nonnegative(), newest: z.array(z.int().positive()) })
export type UsedBy = z.infer<typeof UsedBy>

export const CodeBundle = z.strictObject({
  digest: Digest,
  sizeBytes: z.int().positive(),
  files: z.array(z.string()),
  createdAt: Moment,
})
export type CodeBundle = z.infer<typeof CodeBundle>

/** Where a training stands. */
export const Progress = z.strictObject({
  step: Count,
  totalSteps: z.int().nonnegative(),
  epoch: Count,
  stage: z.string().max(64),
  loss: z.number().nullable(),
  lr: z.number().nullable(),
  imagesPerSecond: z.number().nonnegative().nullable(),
  etaSeconds: z.number().nonnegative().nullable(),
})
export type Progress = z.infer<typeof Progress>

export const Fold = z.strictObject({
  id: Id,
  index: z.int().nonnegative(),
  status: FoldStatus,
  pool: Slug,
  /** Higher is leased sooner; the spec's, unless the fold was prioritised. */
  priority: z.int(),
  progress: Progress.nullable(),
  /** Step of the newest committed checkpoint. */
  checkpointStep: z.int().nonnegative().nullable(),
  /** Score of the fold's OOF predictions, computed by the coordinator. */
  score: z.number().nullable(),
  /** Digest of the final weights. */
  weights: Digest.nullable(),
  attempts: z.int().nonnegative(),
  sessionId: Id.nullable(),
  leaseExpiresAt: Moment.nullable(),
  failure: Failure.nullable(),
})
export type Fold = z.infer<typeof Fold>

export const Attempt = z.strictObject({
  number: z.int().positive(),
  status: AttemptStatus,
  sessionId: Id,
  session: z.string(),
  startedAt: Moment,
  endedAt: Moment.nullable(),
  startStep: z.int().nonnegative(),
  endStep: z.int().nonnegative().nullable(),
  failure: Failure.nullable(),
})
export type Attempt = z.infer<typeof Attempt>

export const Scores = z.strictObject({
  /** Score of all OOF predictions pooled, with thresholds searched on them. */
  cv: z.number().nullable(),
  /** Mean and standard deviation of the folds' scores. */
  cvMean: z.number().nullable(),
  cvStd: z.number().nullable(),
  /** Between these CV lies with 95 % certainty, as far as the choice of samples goes: see docs/spec/metric.md. */
  cvLow: z.number().nullable(),
  cvHigh: z.number().nullable(),
  lbPublic: z.number().nullable(),
  lbPrivate: z.number().nullable(),
})
export type Scores = z.infer<typeof Scores>

/** Public and private score of a submission on the competition's leaderboard. */
export const Lb = Scores.pick({ lbPublic: true, lbPrivate: true })
export type Lb = z.infer<typeof Lb>

/** Every metric of all OOF pooled, whichever the spec goes by. Null where there is nothing to measure. */
export const MetricReport = z.strictObject({
  /** F-beta at the thresholds, averaged over samples, over labels, and of all counts together. */
  fbetaSamples: z.number().nullable(),
  fbetaMicro: z.number().nullable(),
  fbetaMacro: z.number().nullable(),
  /** Mean over labels: average precision; area under ROC of the labels that have both classes. */
  map: z.number(),
  auc: z.number().nullable(),
  /** In nats a value: the one metric here of which lower is better. */
  logLoss: z.number(),
  /** The score, by the metric that the spec goes by, of each label group's columns alone. */
  groups: z.record(z.string(), z.number().nullable()),
})
export type MetricReport = z.infer<typeof MetricReport>

export const Experiment = Scores.extend({
  id: Id,
  project: Slug,
  /** Number within the project: `imet #41` is version 41. */
  version: z.int().positive(),
  name: z.string(),
  status: ExperimentStatus,
  /** The experiment of the same project that this one was cloned from, or repeats. */
  parent: z.int().positive().nullable(),
  /** Of an ensemble: the experiments it was made of. Its spec is that of the first, and nothing was trained for it. */
  blend: Blend.nullable(),
  /** The first version of the matrix that it is an experiment of. */
  matrix: z.int().positive().nullable(),
  /** Set where halving cancelled it. */
  stopped: HalvingStop.nullable(),
  dataset: z.string(),
  code: Digest.nullable(),
  foldsTotal: z.int().positive(),
  foldsCompleted: z.int().nonnegative(),
  createdAt: Moment,
  completedAt: Moment.nullable(),
  spec: ExperimentSpec,
  /** Of spec, dataset and inputs. */
  specDigest: Digest,
  /** What its trainings take from elsewhere. */
  inputs: z.array(ExperimentInput),
  folds: z.array(Fold),
  metrics: MetricReport.nullable(),
  /** Thresholds searched on OOF, by label group (or `all`). */
  thresholds: z.record(z.string(), z.number()).nullable(),
  /**
   * Weight of the neighbours' vote, given or searched on OOF; null without `knn`, and of an ensemble, whose members have
   * their own.
   */
  knnWeight: z.number().min(0).max(1).nullable(),
  /** How far distances lower thresholds, searched on OOF; null without threshold `distance`. */
  distanceSlope: z.number().nonnegative().nullable(),
  /** Rank-averaged test predictions. */
  testPredictions: Blob.nullable(),
  failure: Failure.nullable(),
})
export type Experiment = z.infer<typeof Experiment>

export const Session = z.strictObject({
  id: Id,
  name: z.string(),
  provider: Provider,
  accelerator: z.string().nullable(),
  pools: z.array(Slug),
  /** The one project whose folds it leases; null: those of all. */
  project: Slug.nullable(),
  status: SessionStatus,
  /** The fold that it works on. */
  foldId: Id.nullable(),
  secondsLeft: z.number().nullable(),
  registeredAt: Moment,
  lastSeenAt: Moment,
})
export type Session = z.infer<typeof Session>

/** What a worker says when it registers. It says seconds left, never a clock time: notebooks' clocks differ. */
export const SessionRegistration = z.strictObject({
  name: z.string().min(1).max(120),
  provider: Provider,
  accelerator: z.string().max(120).nullable().default(null),
  memoryBytes: z.int().positive().nullable().default(null),
  pools: z.array(Slug).min(1).max(16).default(['default']),
  secondsLeft: z
    .number()
    .positive()
    .max(30 * 86_400)
    .nullable()
    .default(null),
})
export type SessionRegistration = z.infer<typeof SessionRegistration>

export const RegisteredSession = z.strictObject({
  id: Id,
  token: z.string(),
  /** What the session has from now on: what it said, else its provider's limit; null: no end. */
  secondsLeft: z.number().positive().nullable(),
  heartbeatSeconds: z.number().positive(),
  leaseSeconds: z.number().positive(),
})
export type RegisteredSession = z.infer<typeof RegisteredSession>

/** The right to advance a fold, and what that takes. The addresses live as long as the lease's session may. */
export const Lease = z.strictObject({
  foldId: Id,
  /** Grows with each lease of the fold; every write carries it, a stale one is refused. */
  fence: z.int().positive(),
  attempt: z.int().positive(),
  leaseSeconds: z.number().positive(),
  project: Slug,
  version: z.int().positive(),
  fold: z.int().nonnegative(),
  spec: ExperimentSpec,
  specDigest: Digest,
  dataset: z.strictObject({ manifest: Blob, shards: z.array(Blob) }),
  code: Blob.nullable(),
  /** What this fold's training takes from elsewhere; what it began with is not, once there is a checkpoint. */
  inputs: z.array(ExperimentInput),
  /** Newest committed checkpoint, to resume from. */
  checkpoint: z.strictObject({ digest: Digest, manifest: CheckpointManifest }).nullable(),
  /** The attempt's span, as W3C Trace Context has it: what the session does can join its trace. Null: there is none. */
  traceparent: z
    .string()
    .regex(/^00-[\da-f]{32}-[\da-f]{16}-01$/)
    .nullable(),
})
export type Lease = z.infer<typeof Lease>

export const MetricPoint = z.strictObject({
  /** Counts this lease's points, 1-based: a point sent twice is stored once. */
  seq: Ordinal,
  step: Count,
  name: z.string().regex(/^[a-z][a-z0-9_/.-]{0,63}$/),
  value: z.number(),
})
export type MetricPoint = z.infer<typeof MetricPoint>

export const LogLine = z.strictObject({
  /** Counts this lease's lines, 1-based: a line sent twice is stored once. */
  seq: Ordinal,
  level: z.enum(['info', 'warn', 'error']),
  text: z.string().max(2000),
})
export type LogLine = z.infer<typeof LogLine>

/**
 * What a heartbeat brings back.
 *
 * checkpoint  save one and train on
 * pause       checkpoint, hand over, ask for another lease
 * drain       checkpoint, hand over, take no new lease
 * cancel      stop, keep nothing
 */
export const Command = z.enum(['checkpoint', 'pause', 'drain', 'cancel'])
export type Command = z.infer<typeof Command>

export const Upload = z.strictObject({
  digest: Digest,
  /** Null: the object is already there. */
  put: z.strictObject({ url: z.string(), headers: z.record(z.string(), z.string()) }).nullable(),
})
export type Upload = z.infer<typeof Upload>

export const Download = z.strictObject({ digest: Digest, url: z.string() })
export type Download = z.infer<typeof Download>

export const Checkpoint = z.strictObject({
  digest: Digest,
  /** The optimizer step to go on with. */
  step: z.int().nonnegative(),
  /** Attempt that committed it first. */
  attempt: z.int().positive(),
  /** Whether the next session resumes from it. */
  isNewest: z.boolean(),
  /** Of its files and its manifest together; files that other checkpoints share are stored once. */
  sizeBytes: z.int().nonnegative(),
  committedAt: Moment,
  manifest: CheckpointManifest,
})
export type Checkpoint = z.infer<typeof Checkpoint>

export const CheckpointDownload = Download.extend({
  name: z.enum(['manifest', ...CheckpointManifest.shape.files.element.shape.name.options]),
})
export type CheckpointDownload = z.infer<typeof CheckpointDownload>

export const StoredLogLine = z.strictObject({
  /** Within a fold, later lines have higher ids. */
  id: z.int().positive(),
  fold: z.int().nonnegative(),
  attempt: z.int().positive(),
  level: LogLine.shape.level,
  text: z.string(),
  at: Moment,
})
export type StoredLogLine = z.infer<typeof StoredLogLine>

export const StoredMetric = z.strictObject({
  step: z.int(),
  name: z.string(),
  value: z.number(),
  attempt: z.int().positive(),
})
export type StoredMetric = z.infer<typeof StoredMetric>

export const Pairing = z.strictObject({
  /** One-use code for `/start`, and the link that sends it. */
  code: z.string(),
  link: z.string().nullable(),
  expiresAt: Moment,
})
export type Pairing = z.infer<typeof Pairing>
