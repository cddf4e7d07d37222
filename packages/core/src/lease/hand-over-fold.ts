import { emit } from '../notification/emit.ts'
import type { FoldRecord, Store, Tables } from '../store.ts'
import { heldFold } from './held-fold.ts'
import type { LeaseProof } from './held-fold.ts'
import { releaseOpen } from './release-open.ts'

/**
 * Gives the lease back: the fold is offered again at once and goes on from its newest checkpoint. Not a failure:
 * it costs no retry. A fold that was asked to pause waits for the resume; one that was asked to stop is cancelled.
 *
 * @throws {AppError} `lease-lost`
 */
export async function handOverFold({ store }: { store: Store }, input: LeaseProof & { step: number }): Promise<void> {
  await store.transaction(async (tables) => {
    const fold = await heldFold(tables, input)
    if (fold.cancelAsked) return tables.folds.release(fold, { to: 'cancelled', endStep: input.step })
    await handOver(tables, fold, input.step)
  })
}

/** Hands over a locked fold in the name of the session that holds it. */
export async function handOver(tables: Tables, fold: FoldRecord, step: number): Promise<void> {
  const session = (await tables.sessions.get(fold.sessionId!))!
  await releaseOpen(tables, fold, {
    attempt: 'handed_over',
    endStep: step,
    delaySeconds: 0,
    failures: fold.failures,
    lostAtStep: null,
    lostInARow: 0,
  })
  await emit(tables, fold.experimentId, {
    kind: 'fold-handed-over',
    fold: fold.index,
    attempt: fold.attempt,
    session: session.name,
    step,
  })
}
