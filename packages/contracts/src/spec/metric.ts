import { z } from 'zod'
import { Positive } from './parts.ts'
import type { AddFault } from './parts.ts'

/** What each metric may be averaged over; the first is what it is averaged over where the spec does not say. */
const averages = {
  fbeta: ['samples', 'micro', 'macro'],
  map: ['macro', 'samples'],
  auc: ['macro'],
  'log-loss': ['micro'],
} as const satisfies Record<string, readonly Average[]>

const Average = z.enum(['samples', 'micro', 'macro'])
type Average = z.infer<typeof Average>

const LabelCount = z.int().min(0).max(1000)

/** The metric that early stopping, best checkpoint, CV and leaderboard go by, and how predictions become labels. */
export const MetricSpec = z.strictObject({
  /** `fbeta`; `map`: mean average precision; `auc`: area under ROC; `log-loss`, scored negative: higher is better. */
  name: z.enum(['fbeta', 'map', 'auc', 'log-loss']).default('fbeta'),
  /**
   * Mean over samples, over labels (`macro`), or over all values pooled (`micro`). Null: `samples` for fbeta, `macro` for
   * map and auc, `micro` for log-loss.
   */
  average: Average.nullable().default(null),
  /** Of F-beta: a missed label weighs as β² labels given too much. */
  beta: Positive.max(10).default(2),
  /**
   * What makes labels of probabilities. `global`, `grouped`: one threshold, or one for each label group, of the best
   * F-beta. `distance`: as `grouped`, lowered for samples far from all that was trained on. `max-over-k`: a sample's highest probability over `k`. `count-matched`: the mean number of labels is
   * `labelsPerSample`. `expected-fbeta`: no threshold, each sample gets the labels with the best expected F-beta.
   * `none`: no labels are given, where the metric needs none.
   */
  threshold: z
    .enum(['global', 'grouped', 'distance', 'max-over-k', 'count-matched', 'expected-fbeta', 'none'])
    .default('grouped'),
  /** Of `max-over-k`; null: searched. */
  k: z.number().min(1).max(1000).nullable().default(null),
  /** Of `count-matched`; null: as many as the labelled samples have on average. */
  labelsPerSample: Positive.max(1000).nullable().default(null),
  /** A sample always gets its best so many labels … */
  minLabels: LabelCount.default(1),
  /** … and never more than this. */
  maxLabels: LabelCount.min(1).default(10),
  /** The same within a label group: `{ culture: { min: 0, max: 3 } }`. */
  labelsOf: z
    .record(z.string().max(64), z.strictObject({ min: LabelCount.default(0), max: LabelCount.default(1000) }))
    .default({}),
})
export type MetricSpec = z.infer<typeof MetricSpec>
export type MetricAverage = Average

/** What the metric is averaged over. */
export function averageOf({ name, average }: Pick<MetricSpec, 'name' | 'average'>): MetricAverage {
  return average ?? averages[name][0]
}

export function checkMetric(metric: MetricSpec, fault: AddFault): void {
  const { name, average, threshold, k, labelsPerSample, minLabels, maxLabels, labelsOf } = metric
  const possible: readonly Average[] = averages[name]
  if (average !== null && !possible.includes(average))
    fault(['average'], `${name} has no average over ${average}; choose ${possible.join(' or ')}, or leave it out`)
  if (threshold === 'none' && name === 'fbeta')
    fault(['threshold'], 'F-beta is of labels that are given; choose another threshold than none')
  if (threshold === 'distance' && name !== 'fbeta')
    fault(
      ['threshold'],
      `how far distances lower thresholds is searched by F-beta, and ${name} goes by no thresholds; choose grouped or none`,
    )
  if (k !== null && threshold !== 'max-over-k')
    fault(['k'], `k is of threshold max-over-k, not of ${threshold}; leave it out`)
  if (labelsPerSample !== null && threshold !== 'count-matched')
    fault(['labelsPerSample'], `labelsPerSample is of threshold count-matched, not of ${threshold}; leave it out`)
  if (minLabels > maxLabels) fault(['minLabels'], 'minLabels must not be above maxLabels')
  for (const [group, { min, max }] of Object.entries(labelsOf))
    if (min > max) fault(['labelsOf', group, 'min'], 'min must not be above max')
  const least = Object.values(labelsOf).reduce((sum, { min }) => sum + min, 0)
  if (least > maxLabels)
    fault(['labelsOf'], `the groups' min add up to ${least} labels, above maxLabels ${maxLabels}; raise maxLabels`)
}
