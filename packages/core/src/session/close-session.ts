import type { FoldRecord, Store, Tables } from '../store.ts'

/**
 * Ends a session, whose token is worth nothing from now on, in the transaction that takes from it what it holds.
 *
 * @param letGo Releases its fold, which is locked and not to be cancelled.
 */
export async function closeSession(
  { store }: { store: Store },
  { sessionId, letGo }: { sessionId: string; letGo: (tables: Tables, fold: FoldRecord) => Promise<void> },
): Promise<void> {
  const close = async (tables: Tables): Promise<boolean> => {
    const fold = await heldFoldOf(tables, sessionId)
    if (fold?.cancelAsked) await tables.folds.release(fold, { to: 'cancelled', endStep: fold.progress?.step ?? null })
    else if (fold) await letGo(tables, fold)
    await tables.sessions.setStatus(sessionId, 'ended')
    return (await tables.folds.heldBy(sessionId)) === null
  }
  // A lease that was being granted is there by the time the session's row is ours. No other follows it.
  while (!(await store.transaction(close)));
}

async function heldFoldOf(tables: Tables, sessionId: string): Promise<FoldRecord | null> {
  const held = await tables.folds.heldBy(sessionId)
  const fold = held === null ? null : await tables.folds.lock(held)
  return fold?.status === 'leased' && fold.sessionId === sessionId ? fold : null
}
