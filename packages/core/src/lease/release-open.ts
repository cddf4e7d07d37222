import type { FoldRecord, Release, Tables } from '../store.ts'
import { queueOffers } from './queue-offers.ts'

type OpenRelease = Extract<Release, { to: 'ready' | 'paused' }>

/**
 * Lets go of a leased fold that is to go on later: it is offered at once, or by the reconciler once its delay is over.
 * One that was asked to pause waits for its experiment to be resumed instead.
 */
export async function releaseOpen(tables: Tables, fold: FoldRecord, as: Omit<OpenRelease, 'to'>): Promise<void> {
  await tables.folds.release(fold, { to: fold.pauseAsked ? 'paused' : 'ready', ...as })
  // The release has raised the offer's number by one.
  if (!fold.pauseAsked && as.delaySeconds === 0) await queueOffers(tables, [{ ...fold, offer: fold.offer + 1 }])
}
