import type { Event } from '@baton/contracts'
import type { Store } from '../store.ts'

/** Sends one message. How long a chat must be left alone, or that it is gone, is thrown as these. */
export interface Messenger {
  send(chatId: number, event: Event): Promise<void>
}

/** The service asked for a pause: nothing was sent. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter'
  readonly seconds: number
  constructor(seconds: number) {
    super(`retry after ${seconds} s`)
    this.seconds = seconds
  }
}

/** The chat blocked the bot, or is gone: nothing more is sent to it. */
export class ChatGone extends Error {
  override readonly name = 'ChatGone'
}

const batch = 100

/**
 * Sends a chat what it has not been told, oldest first. Each is marked once it was sent: a crash in between sends
 * one message again, and never loses one.
 *
 * @returns Seconds after which to go on, when the service asked for a pause; null when all is told.
 */
export async function deliverNotifications(
  { store, messenger }: { store: Store; messenger: Messenger },
  { chat }: { chat: string },
): Promise<number | null> {
  for (;;) {
    const pending = await store.notifications.pending(chat, batch)
    if (pending.length === 0) return null
    for (const { id, chatId, event } of pending) {
      try {
        await messenger.send(chatId, event)
      } catch (error) {
        if (error instanceof RetryAfter) return error.seconds
        if (!(error instanceof ChatGone)) throw error
        await store.notifications.unpair(chatId)
        await store.notifications.drop(chat)
        return null
      }
      await store.notifications.markSent(id)
    }
  }
}
