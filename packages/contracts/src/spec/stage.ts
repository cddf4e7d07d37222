import { z } from 'zod'
import { Slug } from '../ids.ts'
import { AugmentSpec } from './augment.ts'
import { checkDuration, durationFields } from './duration.ts'
import { ImageSize } from './image.ts'
import { checkLosses, LossSpec } from './loss.ts'
import { checkLrScale, LrScaleSpec } from './lr-scale.ts'
import { MineSpec } from './mine.ts'
import { MixSpec } from './mix.ts'
import { checkOptimizer, OptimizerSpec } from './optimizer.ts'
import type { AddFault } from './parts.ts'
import { GroupName, Positive } from './parts.ts'
import { SampleSpec } from './sample.ts'
import { checkMomentum, checkScheduleLasts, ScheduleSpec } from './schedule.ts'

export const StageSpec = z.strictObject({
  name: Slug,
  /**
   * The layer groups that train: the last one, the last two, all, or those named. The others are frozen: they get no
   * gradient, and their normalisation runs in inference mode.
   */
  train: z
    .union([z.enum(['head', 'last-two', 'all']), z.array(GroupName).min(1).max(100)], {
      error: 'must be "head", "last-two", "all" or a list of layer groups',
    })
    .default('all'),
  ...durationFields,
  batch: z.int().min(1).max(4096).default(32),
  /**
   * A batch is done in so many equal parts, whose mean gradient makes one update: less memory, the same step. `onOom` may
   * make it more.
   */
  accumulate: z.int().min(1).max(256).default(1),
  optimizer: OptimizerSpec.prefault({ name: 'adamw' }),
  schedule: ScheduleSpec,
  /** Factors of the layer groups' learning rates; null: all train with the schedule's. */
  lrScale: LrScaleSpec.nullable().default(null),
  loss: LossSpec.prefault({ name: 'bce' }),
  /** Global norm that gradients are clipped to; null: not clipped. */
  clipNorm: Positive.nullable().default(null),
  /** What is done to train pictures in place of the experiment's `augment`; null: that. Predictions keep to that. */
  augment: AugmentSpec.nullable().default(null),
  /** Side of the train pictures, in pixels; null: that of `image`. Predictions keep to that. */
  imageSize: ImageSize.nullable().default(null),
  /** How train pictures are mixed in pairs; null: they are not. */
  mix: MixSpec.nullable().default(null),
  /** Hard-negative mining; null: none. */
  mine: MineSpec.nullable().default(null),
  /** How often each sample is drawn; null: once an epoch. */
  sample: SampleSpec.nullable().default(null),
})
export type StageSpec = z.infer<typeof StageSpec>

export function checkStages(stages: readonly StageSpec[], fault: AddFault): void {
  const names = new Set<string>()
  const losses = stages.map(({ loss }) => loss)
  checkLosses(losses, fault)
  stages.forEach((stage, i) => {
    const { name, train, lrScale, batch, accumulate } = stage
    if (batch % accumulate !== 0)
      fault([i, 'accumulate'], `a batch of ${batch} has no ${accumulate} equal parts; give a divisor of it`)
    checkLrScale(lrScale, (path, message) => fault([i, 'lrScale', ...path], message))
    if (typeof train !== 'string')
      train.forEach((group, g) => {
        if (train.indexOf(group) !== g) fault([i, 'train', g], `layer group ${group} is listed twice`)
      })
    if (names.has(name)) fault([i, 'name'], `stage name "${name}" is used twice; name each stage once`)
    names.add(name)
    const faultHere: AddFault = (path, message) => fault([i, ...path], message)
    checkDuration(stage, faultHere)
    checkScheduleLasts(stage, faultHere)
    checkMomentum(stage, faultHere)
    checkOptimizer(stage.optimizer, (path, message) => fault([i, 'optimizer', ...path], message))
  })
}
