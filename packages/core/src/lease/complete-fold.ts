import type { FoldResult } from '@baton/contracts'
import { nameBlobs } from '../name-blobs.ts'
import type { BlobStore } from '../ports.ts'
import type { Store } from '../store.ts'
import { heldFold } from './held-fold.ts'
import type { LeaseProof } from './held-fold.ts'

/**
 * Ends a fold with its predictions and weights, which are in storage already. Its score is not taken from the
 * worker: assembling computes it from the stored predictions.
 *
 * @throws {AppError} `lease-lost`, `blob-missing`, `storage-unavailable`
 */
export async function completeFold(
  { store, blobs }: { store: Store; blobs: BlobStore },
  input: LeaseProof & { step: number; result: FoldResult },
): Promise<void> {
  const { oof, test, weights } = input.result
  await nameBlobs({ store, blobs }, [oof, weights, ...(test ? [test] : [])], async (tables) => {
    const fold = await heldFold(tables, input)
    if (fold.cancelAsked) return tables.folds.release(fold, { to: 'cancelled', endStep: input.step })
    await tables.folds.release(fold, { to: 'completed', endStep: input.step, result: input.result })
    await tables.outbox.append([{ kind: 'assemble-experiment', payload: { experimentId: fold.experimentId } }])
  })
}
