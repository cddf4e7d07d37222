import type { EventKind, EventPayload } from '@baton/contracts'
import type { Tables } from '../store.ts'

/** Events that people are told of; the others only stand in the feed. */
const notified: ReadonlySet<EventKind> = new Set([
  'fold-completed',
  'fold-failed',
  'session-lost',
  'experiment-completed',
  'experiment-failed',
  'experiment-paused',
  'experiment-resumed',
  'submission-scored',
  'fold-retried',
])

/**
 * Appends an event in the caller's transaction and, where people are told of it, each paired chat's notification and the
 * job that delivers them. The rows are there whatever becomes of the job: the reconciler looks for what was not sent.
 *
 * @returns The event's id.
 */
export async function emit(tables: Tables, experimentId: string, payload: EventPayload): Promise<number> {
  const eventId = await tables.events.append(experimentId, payload)
  if (notified.has(payload.kind)) {
    await tables.notifications.addForEvent(eventId)
    await tables.outbox.append([{ kind: 'fan-out-event', payload: { eventId } }])
  }
  return eventId
}
