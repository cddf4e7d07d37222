import { z } from 'zod'
import { Ordinal } from './ids.ts'
import { checkEnsemble } from './spec/ensemble.ts'
import type { MetricSpec } from './spec/metric.ts'
import type { AddFault } from './spec/parts.ts'

/** How the predictions of several completed experiments become those of one that is not trained: an ensemble. */
export const BlendSpec = z.strictObject({
  name: z.string().trim().min(1).max(120),
  /** Numbers of the experiments: the same dataset version, folds and seed; each has completed. */
  members: z.array(Ordinal).min(2).max(16),
  /** `mean`: of probabilities; `rank`: of ranks; `weighted`: of probabilities, by weights searched on OOF. */
  by: z.enum(['mean', 'rank', 'weighted']).default('mean'),
  /** What is ranked among: all values of a fold, or those of a label. */
  scope: z.enum(['table', 'label']).default('table'),
  /** Decides which samples weights are searched on where there are many, and what the interval of CV is drawn from. */
  seed: z.int().min(0).max(0xffff_ffff).default(0),
})
export type BlendSpec = z.infer<typeof BlendSpec>

/** What an ensemble was made of. */
export const Blend = BlendSpec.omit({ name: true, members: true }).extend({
  /** Weights are not negative and 1 together; null until they are found. */
  members: z.array(z.strictObject({ version: Ordinal, weight: z.number().min(0).max(1).nullable() })),
})
export type Blend = z.infer<typeof Blend>

/** What keeps a blend from being scored by a metric. */
export function checkBlend({ by, scope }: Pick<BlendSpec, 'by' | 'scope'>, metric: MetricSpec, fault: AddFault): void {
  checkEnsemble({ ensemble: { blend: by === 'rank' ? 'rank' : 'mean', scope }, metric }, (path, message) =>
    fault([path.at(-1) === 'blend' ? 'by' : 'scope'], message.replace('blend mean', 'by mean or weighted')),
  )
}
