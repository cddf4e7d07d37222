import { z } from 'zod'
import { DatasetRef, Digest, Slug } from './ids.ts'

const Positive = z.number().positive()
const Probability = z.number().min(0).max(1)

export const ModelSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('convnet'),
    /** Channels of the first block; each further block doubles them. */
    width: z.int().min(1).max(512).default(16),
    blocks: z.int().min(1).max(6).default(3),
    dropout: z.number().min(0).max(0.9).default(0),
  }),
  z.strictObject({
    name: z.literal('resnet'),
    /** Channels of the stem; each further group doubles them. */
    width: z.int().min(1).max(512).default(16),
    /** Basic blocks in each group: [2, 2, 2, 2] with width 64 is ResNet-18. */
    layers: z.array(z.int().min(1).max(36)).min(1).max(4).default([1, 1, 1]),
    dropout: z.number().min(0).max(0.9).default(0),
  }),
  z.strictObject({
    /** The code bundle's `model` export builds it. */
    name: z.literal('bundle'),
    options: z.record(z.string(), z.json()).default({}),
  }),
])
export type ModelSpec = z.infer<typeof ModelSpec>

export const OptimizerSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('adamw'),
    beta1: z.number().min(0).max(0.9999).default(0.9),
    beta2: z.number().min(0).max(0.999999).default(0.999),
    epsilon: Positive.default(1e-8),
    /** Decoupled; not applied to biases and normalisation parameters. */
    weightDecay: z.number().min(0).max(1).default(0.01),
  }),
  z.strictObject({
    name: z.literal('sgdm'),
    momentum: z.number().min(0).max(0.9999).default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: z.number().min(0).max(1).default(0),
  }),
])
export type OptimizerSpec = z.infer<typeof OptimizerSpec>

/** Learning rate as a pure function of the stage's step. Warm-up is linear and may stand before any of them. */
const scheduleBase = { lr: Positive.max(10), warmupSteps: z.int().nonnegative().default(0) }
export const ScheduleSpec = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('constant'), ...scheduleBase }),
  z.strictObject({ name: z.literal('linear'), ...scheduleBase, lrMin: z.number().min(0).default(0) }),
  z.strictObject({ name: z.literal('cosine'), ...scheduleBase, lrMin: z.number().min(0).default(0) }),
  z.strictObject({
    name: z.literal('step'),
    ...scheduleBase,
    everyEpochs: z.int().positive(),
    factor: z.number().positive().max(1).default(0.1),
  }),
  z.strictObject({
    name: z.literal('triangular'),
    ...scheduleBase,
    /** The rate starts and ends at lr / ratio … */
    ratio: z.number().min(1).default(100),
    /** … and peaks after this part of the steps. */
    peakAt: z.number().min(0.01).max(0.99).default(0.2),
  }),
])
export type ScheduleSpec = z.infer<typeof ScheduleSpec>

export const LossSpec = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('bce'),
    /** y ← y (1 − s) + s / 2 */
    labelSmoothing: z.number().min(0).max(0.5).default(0),
    /** Weight of positive terms. */
    positiveWeight: Positive.max(1000).default(1),
  }),
  z.strictObject({
    /** The code bundle's `loss` export computes it. */
    name: z.literal('bundle'),
    options: z.record(z.string(), z.json()).default({}),
  }),
])
export type LossSpec = z.infer<typeof LossSpec>

export const StageSpec = z.strictObject({
  name: Slug,
  /** What trains: the classifier alone, or everything. Frozen normalisation runs in inference mode. */
  train: z.enum(['head', 'all']).default('all'),
  epochs: z.int().min(1).max(10_000),
  batch: z.int().min(1).max(4096).default(32),
  optimizer: OptimizerSpec.prefault({ name: 'adamw' }),
  schedule: ScheduleSpec,
  loss: LossSpec.prefault({ name: 'bce' }),
  /** Global norm that gradients are clipped to; null: not clipped. */
  clipNorm: Positive.nullable().default(null),
})
export type StageSpec = z.infer<typeof StageSpec>

export const ImageSpec = z.strictObject({
  /** Side of the square the model sees, in pixels. */
  size: z.int().min(8).max(1024),
  /** `stretch` to the square; `pad` keeps the aspect ratio. */
  resize: z.enum(['stretch', 'pad']).default('stretch'),
  /** Colour, 0 to 255, behind transparent pixels and padding. */
  background: z.int().min(0).max(255).default(255),
  mean: z.tuple([z.number(), z.number(), z.number()]).default([0.485, 0.456, 0.406]),
  std: z.tuple([Positive, Positive, Positive]).default([0.229, 0.224, 0.225]),
})
export type ImageSpec = z.infer<typeof ImageSpec>

export const AugmentSpec = z.strictObject({
  /** Probability of a horizontal flip. */
  flip: Probability.default(0.5),
  /** Largest shift in pixels, by padding and cropping. */
  shift: z.int().min(0).max(256).default(0),
})
export type AugmentSpec = z.infer<typeof AugmentSpec>

export const FoldsSpec = z.strictObject({
  count: z.int().min(2).max(50),
  /** `stratified`: multilabel-stratified (Sechidis 2011); `random`: shuffled. Both keep groups whole. */
  split: z.enum(['stratified', 'random']).default('stratified'),
  /** Train these folds only (0-based); CV is then over their part of the samples. */
  only: z.array(z.int().nonnegative()).min(1).optional(),
})
export type FoldsSpec = z.infer<typeof FoldsSpec>

export const EvaluateSpec = z.strictObject({
  /** Evaluate after every so many epochs; always after the last. */
  everyEpochs: z.int().min(1).max(1000).default(1),
  batch: z.int().min(1).max(4096).default(128),
  /** Views averaged at evaluation and prediction. */
  tta: z.enum(['none', 'flip']).default('none'),
})
export type EvaluateSpec = z.infer<typeof EvaluateSpec>

export const MetricSpec = z.strictObject({
  /** F-beta, averaged over samples. */
  beta: z.number().positive().max(10).default(2),
  /** Thresholds searched on OOF: one for all labels, or one for each label group. */
  threshold: z.enum(['global', 'grouped']).default('grouped'),
  /** A sample always gets its best so many labels … */
  minLabels: z.int().min(0).max(1000).default(1),
  /** … and never more than this. */
  maxLabels: z.int().min(1).max(1000).default(10),
})
export type MetricSpec = z.infer<typeof MetricSpec>

export const EarlyStopSpec = z.strictObject({
  /** Evaluations without gain after which the stage ends. */
  patience: z.int().min(1).max(1000),
  minGain: z.number().min(0).default(1e-4),
})
export type EarlyStopSpec = z.infer<typeof EarlyStopSpec>

/** What a person writes to start an experiment. Immutable once accepted; its digest names it. */
export const ExperimentSpec = z
  .strictObject({
    name: z.string().trim().min(1).max(120),
    dataset: DatasetRef,
    /** Code bundle that replaces model, loss or dataset; `baton run` fills it in from a folder. */
    code: Digest.nullable().default(null),
    runtime: z.literal('tfjs').default('tfjs'),
    seed: z.int().min(0).max(0xffff_ffff).default(0),
    pool: Slug.default('default'),
    /** Higher is leased sooner. */
    priority: z.int().min(0).max(1000).default(0),
    folds: FoldsSpec,
    model: ModelSpec,
    image: ImageSpec,
    augment: AugmentSpec.prefault({}),
    stages: z.array(StageSpec).min(1).max(20),
    evaluate: EvaluateSpec.prefault({}),
    metric: MetricSpec.prefault({}),
    earlyStop: EarlyStopSpec.nullable().default(null),
    checkpoint: z
      .strictObject({
        /** A checkpoint is started this long after the last one was. */
        everySeconds: z.number().min(1).max(3600).default(60),
      })
      .prefault({}),
    retries: z
      .strictObject({
        /** How often a fold is tried again after the user's code failed. */
        userCode: z.int().min(0).max(10).default(0),
      })
      .prefault({}),
  })
  .superRefine((spec, ctx) => {
    const fault = (path: PropertyKey[], message: string) => ctx.addIssue({ code: 'custom', path, message })
    const names = new Set<string>()
    spec.stages.forEach((stage, i) => {
      if (names.has(stage.name))
        fault(['stages', i, 'name'], `stage name "${stage.name}" is used twice; name each stage once`)
      names.add(stage.name)
      if (stage.loss.name === 'bundle' && spec.code === null)
        fault(['stages', i, 'loss', 'name'], 'a bundle loss needs `code`: push a code bundle or choose loss bce')
      const { schedule } = stage
      if ('lrMin' in schedule && schedule.lrMin > schedule.lr)
        fault(['stages', i, 'schedule', 'lrMin'], 'lrMin must not be above lr')
    })
    if (spec.model.name === 'bundle' && spec.code === null)
      fault(['model', 'name'], 'a bundle model needs `code`: push a code bundle or choose convnet or resnet')
    if (spec.metric.minLabels > spec.metric.maxLabels)
      fault(['metric', 'minLabels'], 'minLabels must not be above maxLabels')
    spec.folds.only?.forEach((fold, i, only) => {
      if (fold >= spec.folds.count)
        fault(['folds', 'only', i], `fold ${fold} does not exist: folds are 0 to ${spec.folds.count - 1}`)
      if (only.indexOf(fold) !== i) fault(['folds', 'only', i], `fold ${fold} is listed twice`)
    })
  })
export type ExperimentSpec = z.infer<typeof ExperimentSpec>
/** A spec as written, before defaults are filled in. */
export type ExperimentSpecInput = z.input<typeof ExperimentSpec>

/** The folds an experiment trains, 0-based and ascending. */
export function foldsOf(spec: Pick<ExperimentSpec, 'folds'>): number[] {
  return spec.folds.only?.toSorted((a, b) => a - b) ?? Array.from({ length: spec.folds.count }, (_, i) => i)
}
