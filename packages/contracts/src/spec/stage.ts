import { z } from 'zod'
import { Slug } from '../ids.ts'
import { LossSpec } from './loss.ts'
import { OptimizerSpec } from './optimizer.ts'
import type { AddFault } from './parts.ts'
import { Positive } from './parts.ts'
import { ScheduleSpec } from './schedule.ts'

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

export function checkStages(stages: readonly StageSpec[], fault: AddFault): void {
  const names = new Set<string>()
  stages.forEach(({ name }, i) => {
    if (names.has(name)) fault([i, 'name'], `stage name "${name}" is used twice; name each stage once`)
    names.add(name)
  })
}
