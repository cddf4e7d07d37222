import type { FoldRecord, Tables } from '../store.ts'

/** Asks for the offers of folds that are ready, in the transaction that made them so. */
export async function queueOffers(
  tables: Tables,
  folds: readonly Pick<FoldRecord, 'id' | 'offer' | 'pool' | 'priority'>[],
): Promise<void> {
  await tables.outbox.append(
    folds.map(({ id: foldId, offer, pool, priority }) => ({
      kind: 'offer-fold',
      payload: { foldId, offer, pool, priority },
    })),
  )
}
