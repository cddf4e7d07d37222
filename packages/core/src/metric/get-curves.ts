import type { Fold, FoldCurves } from '@baton/contracts'
import type { Tables } from '../store.ts'
import { thinCurve } from './thin-curve.ts'

/**
 * Curves of a fold, stitched over its attempts, of at most `points` points each, with the attempts' bounds beside them.
 * The database hands over the lowest and highest point of many small parts of a curve, however long it is; of those the
 * ones that shape the picture are kept (MinMaxLTTB).
 *
 * @see Van Der Donckt et al., MinMaxLTTB (2023), https://arxiv.org/abs/2305.00332: four parts a point are enough
 */
export async function getCurves(
  { store }: { store: Pick<Tables, 'folds' | 'metrics'> },
  { fold, names, points }: { fold: Pick<Fold, 'id' | 'index'>; names: readonly string[]; points: number },
): Promise<FoldCurves> {
  const curves = names.map(async (name) => {
    const { pointsTotal, points: shaping } = await store.metrics.curve(fold.id, { name, buckets: 2 * points })
    return { name, pointsTotal, points: thinCurve(shaping, points) }
  })
  return {
    foldId: fold.id,
    fold: fold.index,
    attempts: await store.folds.spans(fold.id),
    curves: await Promise.all(curves),
  }
}
