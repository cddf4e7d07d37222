import { handOver } from '../lease/hand-over-fold.ts'
import type { Store } from '../store.ts'
import { closeSession } from './close-session.ts'

/**
 * Ends a session that says goodbye, and with it its token. A fold that it still holds it never heard of: the lease was
 * granted while it went. It is handed over at once.
 */
export async function endSession({ store }: { store: Store }, { sessionId }: { sessionId: string }): Promise<void> {
  await closeSession(
    { store },
    {
      sessionId,
      letGo: (tables, fold) => handOver(tables, fold, fold.progress?.step ?? fold.checkpoint?.step ?? 0),
    },
  )
}
