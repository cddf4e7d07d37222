import { AppError } from '@baton/contracts'
import type { FoldRecord, Tables } from '../store.ts'

/** What a session shows with every write: which fold, and the fence of its lease. */
export interface LeaseProof {
  readonly foldId: string
  readonly sessionId: string
  readonly fence: number
}

/**
 * The fold, locked, if this session still holds it under this fence.
 *
 * The fence decides, not the time: a lease that ran out while nobody took the fold is still its holder's, so an
 * API that was away costs a worker nothing.
 *
 * @throws {AppError} `lease-lost` — also for a fold that is not there, so that ids cannot be probed
 */
export async function heldFold(tables: Tables, proof: LeaseProof): Promise<FoldRecord> {
  const fold = await tables.folds.lock(proof.foldId)
  if (fold === null || !holds(fold, proof)) throw leaseLost(proof)
  return fold
}

export function leaseLost({ foldId, fence }: Pick<LeaseProof, 'foldId' | 'fence'>): AppError {
  return new AppError('lease-lost', { foldId, fence })
}

function holds(fold: FoldRecord, { sessionId, fence }: LeaseProof): boolean {
  return fold.status === 'leased' && fold.sessionId === sessionId && fold.fence === fence
}
