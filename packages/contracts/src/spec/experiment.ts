import { z } from 'zod'
import { DatasetRef, Digest, Slug } from '../ids.ts'
import { AugmentSpec, checkAugment } from './augment.ts'
import { EmaSpec } from './ema.ts'
import { checkEnsemble, EnsembleSpec } from './ensemble.ts'
import { checkEvaluate, EarlyStopSpec, EvaluateSpec } from './evaluate.ts'
import { checkFolds, FoldsSpec } from './folds.ts'
import { checkFrom, FromCheckpointSpec, FromSpec } from './from.ts'
import { ImageSpec } from './image.ts'
import { checkKnn, KnnSpec } from './knn.ts'
import { checkLabels, LabelsSpec } from './labels.ts'
import { checkMetric, MetricSpec } from './metric.ts'
import { checkModelSizes, ModelChoice, modelsOf } from './model.ts'
import { OnOom } from './on-oom.ts'
import type { AddFault } from './parts.ts'
import { checkSchedule } from './schedule.ts'
import { Precision } from './precision.ts'
import { RecipeSpec } from './recipe.ts'
import { checkStages, StageSpec } from './stage.ts'
import { checkTargets, TargetsSpec } from './targets.ts'

/** What a person writes to start an experiment. Immutable once accepted; its digest names it. */
export const ExperimentSpec = z
  .strictObject({
    name: z.string().trim().min(1).max(120),
    dataset: DatasetRef,
    recipe: RecipeSpec,
    /** Code bundle that replaces model, loss or dataset; `baton run` fills it in from a folder. */
    code: Digest.nullable().default(null),
    runtime: z.literal('tfjs').default('tfjs'),
    seed: z.int().min(0).max(0xffff_ffff).default(0),
    pool: Slug.default('default'),
    /** Higher is leased sooner. */
    priority: z.int().min(0).max(1000).default(0),
    folds: FoldsSpec,
    labels: LabelsSpec,
    model: ModelChoice,
    from: FromSpec,
    fromCheckpoint: FromCheckpointSpec,
    targets: TargetsSpec.prefault({}),
    image: ImageSpec,
    augment: AugmentSpec.prefault([{ op: 'flip' }]),
    stages: z.array(StageSpec).min(1).max(20),
    /** Averages weights over the steps, evaluated beside the weights themselves; null: not. */
    ema: EmaSpec.nullable().default(null),
    precision: Precision.default('fp32'),
    onOom: OnOom.default('shrink'),
    evaluate: EvaluateSpec.prefault({}),
    metric: MetricSpec.prefault({}),
    /** Training samples that are near vote on what is predicted; null: not. */
    knn: KnnSpec.nullable().default(null),
    ensemble: EnsembleSpec.prefault({}),
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
    const faultIn =
      (...part: PropertyKey[]): AddFault =>
      (path, message) =>
        ctx.addIssue({ code: 'custom', path: [...part, ...path], message })
    checkBundleUse(spec, faultIn())
    checkFolds(spec.folds, faultIn('folds'))
    checkLabels(spec.labels, faultIn('labels'))
    checkFrom(spec, faultIn())
    checkModelSizes(spec, faultIn())
    checkTargets(spec.targets, spec.stages, faultIn('targets'))
    checkMetric(spec.metric, faultIn('metric'))
    checkKnn(spec, faultIn())
    checkEnsemble(spec, faultIn())
    checkEvaluate(spec.evaluate, faultIn('evaluate'))
    checkStages(spec.stages, faultIn('stages'))
    checkAugment(spec.augment, faultIn('augment'))
    spec.stages.forEach(({ schedule, augment }, i) => {
      checkSchedule(schedule, faultIn('stages', i, 'schedule'))
      if (augment !== null) checkAugment(augment, faultIn('stages', i, 'augment'))
    })
  })
export type ExperimentSpec = z.infer<typeof ExperimentSpec>
/** A spec as written, before defaults are filled in. */
export type ExperimentSpecInput = z.input<typeof ExperimentSpec>

/** What a code bundle has to bring wants a code bundle. */
function checkBundleUse(
  { code, model, stages }: { code: string | null; model: ModelChoice; stages: StageSpec[] },
  fault: AddFault,
): void {
  if (code !== null) return
  modelsOf({ model }).forEach(({ name }, i) => {
    const path = Array.isArray(model) ? ['model', i, 'name'] : ['model', 'name']
    if (name === 'bundle') fault(path, 'a bundle model needs `code`: push a code bundle or choose convnet or resnet')
  })
  stages.forEach(({ loss }, i) => {
    if (loss.name === 'bundle')
      fault(['stages', i, 'loss', 'name'], 'a bundle loss needs `code`: push a code bundle or choose loss bce')
  })
}
