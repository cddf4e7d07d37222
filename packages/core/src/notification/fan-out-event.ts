import { noticeOf } from '@baton/contracts'
import type { JobQueue } from '../sweep/dispatch.ts'
import type { Store } from '../store.ts'

/**
 * Asks for delivery of an event's notifications. Chats that have none yet get theirs: there is at most one row for each
 * chat and event, so doing it again tells nobody twice.
 */
export async function fanOutEvent(
  { store, queue }: { store: Store; queue: JobQueue },
  { eventId }: { eventId: number },
): Promise<void> {
  const event = await store.events.get(eventId)
  const notice = event && noticeOf(event.payload)
  if (notice === null) return
  const chats = await store.notifications.addForEvent(eventId, { isUrgent: notice === 'urgent' })
  for (const chat of chats) await queue.deliver(chat)
}
