import type { Store } from '../store.ts'

/** Ends a session and with it its token. A fold it may still hold goes on when its lease runs out. */
export async function endSession({ store }: { store: Store }, { sessionId }: { sessionId: string }): Promise<void> {
  await store.sessions.setStatus(sessionId, 'ended')
}
