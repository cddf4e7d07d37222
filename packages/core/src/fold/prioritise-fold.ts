import { AppError, isFinal } from '@baton/contracts'
import type { Fold } from '@baton/contracts'
import { queueOffers } from '../lease/queue-offers.ts'
import type { OfferQueue } from '../ports.ts'
import type { Store } from '../store.ts'
import { getFold } from './get-fold.ts'

/**
 * Changes how soon a fold is leased, higher sooner. One that waits is offered anew under the next number, and the offer
 * that waited leases nothing any more, wherever it turns up. A leased or paused one keeps it for its next offer.
 *
 * @throws {AppError} `not-found`; `conflict` when the fold is final
 */
export async function prioritiseFold(
  { store, offers }: { store: Store; offers: OfferQueue },
  { foldId, priority }: { foldId: string; priority: number },
): Promise<Fold> {
  const replaced = await store.transaction(async (tables) => {
    const fold = await tables.folds.lock(foldId)
    if (fold === null) throw new AppError('not-found', { fold: foldId })
    if (isFinal(fold.status))
      throw new AppError('conflict', { status: fold.status }, { detail: `the fold is ${fold.status}` })
    if (fold.priority === priority) return null
    await tables.folds.setPriority(fold, priority)
    if (fold.status !== 'ready') return null
    if (fold.due) await queueOffers(tables, [{ ...fold, offer: fold.offer + 1, priority }])
    return fold
  })
  if (replaced !== null) offers.withdraw({ ...replaced, foldId })
  return getFold({ store }, foldId)
}
