import { z } from 'zod'
import type { AddFault } from './parts.ts'

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

export function checkMetric({ minLabels, maxLabels }: MetricSpec, fault: AddFault): void {
  if (minLabels > maxLabels) fault(['minLabels'], 'minLabels must not be above maxLabels')
}
