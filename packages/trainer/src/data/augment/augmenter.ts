import type { AugmentOp, ExperimentSpec, StageSpec } from '@baton/contracts'
import { augmentBy, takenBy } from './augment-plan.ts'
import type { Augment, AugmentPlan } from './augment-plan.ts'
import type { Scope } from './draws.ts'
import { trainSize } from './model-picture.ts'
import type { ModelPicture } from './model-picture.ts'
import type { PictureKind } from './picture.ts'
import { resizePlace, trainOps } from './presets.ts'

export interface Augmenter {
  readonly plan: AugmentPlan
  readonly takes: PictureKind
  readonly in: (scope: Scope) => Augment
}

/** What a stage does to its train pictures. */
export function stageAugmenter(
  { augment, image }: Pick<ExperimentSpec, 'augment' | 'image'>,
  stage: StageSpec,
): Augmenter {
  return createAugmenter(trainOps(stage.augment ?? augment), { ...image, size: trainSize(stage, image) })
}

/** Operations, one after the other, on pictures for a model. */
export function createAugmenter(ops: readonly AugmentOp[], model: ModelPicture): Augmenter {
  const { size, resize, background, mean, std } = model
  const plan = { ops, beforeResize: resizePlace(ops), model: { size, resize, background, mean, std } }
  return { plan, takes: takenBy(plan), in: (scope) => augmentBy(plan, scope) }
}
