import { AppError } from '@baton/contracts'
import type { Session } from '@baton/contracts'
import type { Store } from '../store.ts'
import { findSession } from './find-session.ts'

/**
 * Asks a session to finish: its next heartbeat or lease request tells it to hand over and stop.
 * @throws {AppError} `not-found`; `conflict` when it has ended or was lost
 */
export async function drainSession(
  { store }: { store: Store },
  { sessionId }: { sessionId: string },
): Promise<Session> {
  const session = await findSession({ store }, sessionId)
  if (session.status === 'ended' || session.status === 'lost')
    throw new AppError('conflict', { status: session.status }, { detail: `the session is ${session.status}` })
  await store.transaction(({ sessions }) => sessions.setStatus(sessionId, 'draining'))
  return { ...session, status: 'draining' }
}
