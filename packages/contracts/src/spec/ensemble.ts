import { z } from 'zod'
import type { MetricSpec } from './metric.ts'
import type { AddFault } from './parts.ts'

const noWeights =
  'weighted is of several experiments: weights are found on OOF, and each sample has that of one fold alone, so none says how much ' +
  'to believe which; choose rank or mean here, or blend experiments (`baton ensemble --blend weighted`)'

/** How the test predictions of an experiment's folds become one. */
export const EnsembleSpec = z.strictObject({
  /** `rank`: mean of the folds' ranks, which are calibrated differently; `mean`: of their probabilities. */
  blend: z
    .enum(['rank', 'mean'], { error: ({ input }) => (input === 'weighted' ? noWeights : undefined) })
    .default('rank'),
  /** Values are ranked among all of the fold's (`table`), or among those of their label (`label`). */
  scope: z.enum(['table', 'label']).default('table'),
})
export type EnsembleSpec = z.infer<typeof EnsembleSpec>

/** Paths are relative to the whole spec. */
export function checkEnsemble(
  { ensemble: { blend, scope }, metric }: { ensemble: EnsembleSpec; metric: MetricSpec },
  fault: AddFault,
): void {
  const ofProbabilities =
    metric.name === 'log-loss'
      ? 'log-loss'
      : ['distance', 'max-over-k', 'expected-fbeta'].includes(metric.threshold)
        ? `threshold ${metric.threshold}`
        : null
  if (blend === 'rank' && ofProbabilities !== null)
    fault(['ensemble', 'blend'], `${ofProbabilities} is of probabilities, which ranks are not; choose blend mean`)
  if (scope === 'label' && blend === 'mean')
    fault(['ensemble', 'scope'], 'scope is of blend rank: probabilities are not ranked; leave it out')
  else if (scope === 'label' && metric.threshold !== 'none')
    fault(
      ['ensemble', 'scope'],
      'ranks within a label do not tell how frequent it is, so no threshold fits them; choose scope table, or threshold none',
    )
}
