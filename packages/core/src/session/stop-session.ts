import type { Session } from '@baton/contracts'
import { releaseOpen } from '../lease/release-open.ts'
import { emit } from '../notification/emit.ts'
import type { Store, Tables } from '../store.ts'
import { findSession } from './find-session.ts'

/**
 * Ends a session at once: its token is worth nothing from now on, and the fold that it holds is offered again from its
 * newest checkpoint. What it did since is done again by the next; that counts neither as a failure nor as a death. Stopping
 * one that has ended changes nothing.
 *
 * @throws {AppError} `not-found`
 */
export async function stopSession({ store }: { store: Store }, { sessionId }: { sessionId: string }): Promise<Session> {
  const session = await findSession({ store }, sessionId)
  const stop = async (tables: Tables): Promise<boolean> => {
    await releaseHeld(tables, session)
    await tables.sessions.setStatus(sessionId, 'ended')
    return (await tables.folds.heldBy(sessionId)) === null
  }
  // A lease that was being granted is there by the time the session's row is ours. No other follows it.
  while (!(await store.transaction(stop)));
  return findSession({ store }, sessionId)
}

async function releaseHeld(tables: Tables, { id, name }: Session): Promise<void> {
  const held = await tables.folds.heldBy(id)
  const fold = held === null ? null : await tables.folds.lock(held)
  if (fold?.status !== 'leased' || fold.sessionId !== id) return
  const endStep = fold.progress?.step ?? null
  if (fold.cancelAsked) return tables.folds.release(fold, { to: 'cancelled', endStep })
  const { failures, lostAtStep, lostInARow } = fold
  await releaseOpen(tables, fold, { attempt: 'stopped', endStep, delaySeconds: 0, failures, lostAtStep, lostInARow })
  await emit(tables, fold.experimentId, {
    kind: 'session-stopped',
    fold: fold.index,
    attempt: fold.attempt,
    session: name,
    resumeStep: fold.checkpoint?.step ?? 0,
  })
}
