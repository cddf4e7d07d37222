import { z } from 'zod'
import type { MetricSpec } from './metric.ts'
import { Positive, Probability } from './parts.ts'
import type { AddFault } from './parts.ts'

/**
 * A vote of the nearest training samples on the labels of those that are predicted: p' = (1 − w) · p + w · vote.
 *
 * Near is by the cosine distance d = 1 − cos of embeddings, which are what the model's head takes.
 */
export const KnnSpec = z.strictObject({
  /** k: so many of the samples that the fold was trained on vote. */
  neighbours: z.int().min(1).max(1000).default(20),
  /** What a neighbour's vote weighs: `similarity`: e^((1 − d) / temperature); `distance`: 1 / d; `uniform`: all the same. */
  vote: z.enum(['similarity', 'distance', 'uniform']).default('similarity'),
  /** Of vote `similarity`; null: 0.07. The lower, the more the nearest count. */
  temperature: Positive.max(10).nullable().default(null),
  /** w; null: searched on OOF. */
  weight: Probability.nullable().default(null),
})
export type KnnSpec = z.infer<typeof KnnSpec>

/** Paths are relative to the whole spec. */
export function checkKnn({ knn, metric }: { knn: KnnSpec | null; metric: MetricSpec }, fault: AddFault): void {
  const isByDistance = metric.threshold === 'distance'
  if (knn === null) {
    if (isByDistance)
      fault(
        ['metric', 'threshold'],
        'threshold distance goes by how far a sample is from its nearest neighbours, which are looked for with `knn`; give it, `knn: { weight: 0 }` for the distance alone',
      )
    return
  }
  if (knn.temperature !== null && knn.vote !== 'similarity')
    fault(['knn', 'temperature'], `temperature is of vote similarity, not of ${knn.vote}; leave it out`)
  if (knn.weight === 0 && !isByDistance)
    fault(
      ['knn', 'weight'],
      'a vote that weighs 0 changes nothing; raise weight, leave it out to have it searched, or choose threshold distance',
    )
}
