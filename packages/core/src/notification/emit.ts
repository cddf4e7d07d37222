import { noticeOf } from '@baton/contracts'
import type { EventPayload } from '@baton/contracts'
import type { Tables } from '../store.ts'

/**
 * Appends an event in the caller's transaction and, where people are told of it, each paired chat's notification and the
 * job that delivers them. The rows are there whatever becomes of the job: the reconciler looks for what was not sent.
 *
 * @returns The event's id.
 */
export async function emit(tables: Tables, experimentId: string, payload: EventPayload): Promise<number> {
  const eventId = await tables.events.append(experimentId, payload)
  const notice = noticeOf(payload)
  if (notice !== null) {
    await tables.notifications.addForEvent(eventId, { isUrgent: notice === 'urgent' })
    await tables.outbox.append([{ kind: 'fan-out-event', payload: { eventId } }])
  }
  return eventId
}
