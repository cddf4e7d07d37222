import type { AugmentOp, ExperimentSpec, StageSpec } from '@baton/contracts'
import type { AugmentPlan } from './augment-plan.ts'
import { trainSize } from './model-picture.ts'
import type { ModelPicture } from './model-picture.ts'
import { resizePlace, trainOps } from './presets.ts'

/** What a stage does to its train pictures. */
export function planStageAugment(
  { augment, image }: Pick<ExperimentSpec, 'augment' | 'image'>,
  stage: StageSpec,
): AugmentPlan {
  return planAugment(trainOps(stage.augment ?? augment), { ...image, size: trainSize(stage, image) })
}

/** Operations, one after the other, on pictures for a model. */
export function planAugment(ops: readonly AugmentOp[], model: ModelPicture): AugmentPlan {
  const { size, resize, interpolation, background, mean, std } = model
  return { ops, beforeResize: resizePlace(ops), model: { size, resize, interpolation, background, mean, std } }
}
