import { emit } from '../notification/emit.ts'
import type { FoldRecord, Store, Tables } from '../store.ts'
import { heldFold } from './held-fold.ts'
import type { LeaseProof } from './held-fold.ts'

/**
 * Gives the lease back: the fold is offered again at once and goes on from its newest checkpoint. Not a failure:
 * it costs no retry. A fold whose cancelling was asked for is cancelled instead.
 *
 * @throws {AppError} `lease-lost`
 */
export async function handOverFold({ store }: { store: Store }, input: LeaseProof & { step: number }): Promise<void> {
  await store.transaction(async (tables) => {
    const fold = await heldFold(tables, input)
    if (fold.cancelAsked) return tables.folds.release(fold, { to: 'cancelled', endStep: input.step })
    const session = (await tables.sessions.get(input.sessionId))!
    await emit(tables, fold.experimentId, {
      kind: 'fold-handed-over',
      fold: fold.index,
      attempt: fold.attempt,
      session: session.name,
      step: input.step,
    })
    await tables.folds.release(fold, {
      to: 'ready',
      attempt: 'handed_over',
      endStep: input.step,
      delaySeconds: 0,
      failures: fold.failures,
      lostAtStep: null,
      lostInARow: 0,
    })
    await offerAgain(tables, fold)
  })
}

/** Queues the offer that follows a release to `ready`, whose number the release has raised by one. */
export async function offerAgain(tables: Tables, fold: FoldRecord): Promise<void> {
  const { id, offer, pool, priority } = fold
  await tables.outbox.append([{ kind: 'offer-fold', payload: { foldId: id, offer: offer + 1, pool, priority } }])
}
