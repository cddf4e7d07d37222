import type { Session } from '@baton/contracts'
import { releaseOpen } from '../lease/release-open.ts'
import { emit } from '../notification/emit.ts'
import type { FoldRecord, Store, Tables } from '../store.ts'
import { closeSession } from './close-session.ts'
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
  await closeSession({ store }, { sessionId, letGo: (tables, fold) => takeAway(tables, fold, session) })
  return findSession({ store }, sessionId)
}

async function takeAway(tables: Tables, fold: FoldRecord, { name }: Session): Promise<void> {
  const { failures, lostAtStep, lostInARow } = fold
  const endStep = fold.progress?.step ?? null
  await releaseOpen(tables, fold, { attempt: 'stopped', endStep, delaySeconds: 0, failures, lostAtStep, lostInARow })
  await emit(tables, fold.experimentId, {
    kind: 'session-stopped',
    fold: fold.index,
    attempt: fold.attempt,
    session: name,
    resumeStep: fold.checkpoint?.step ?? 0,
  })
}
