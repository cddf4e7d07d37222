import { ChatGone, RetryAfter } from '@baton/core'
import type { Store } from '@baton/core'
import { TelegramError } from 'telegraf'
import type { Lane, Throttle } from './throttle.ts'

/** What Telegram says, beside 403, when a chat can never be written to again as things are. */
const gone = /chat not found|PEER_ID_INVALID|not enough rights|have no rights|CHAT_WRITE_FORBIDDEN|CHAT_RESTRICTED/i

/** Runs a call that writes to a chat. */
export type WriteToChat = <T>(chatId: number, lane: Lane, write: (chatId: number) => Promise<T>) => Promise<T>

/**
 * Writes to chats as Telegram wants it: within its limits, and not at all for as long as it says. A limit becomes
 * RetryAfter, a chat that blocked the bot ChatGone. A group that became a supergroup has a new id: its pairing moves
 * there, and so does what is written.
 */
export function writeToChat({ store, throttle }: { store: Store; throttle: Throttle }): WriteToChat {
  const attempt = async <T>(chatId: number, write: (chatId: number) => Promise<T>): Promise<T> => {
    try {
      return await write(chatId)
    } catch (error) {
      if (error instanceof TelegramError && error.code === 429) {
        const seconds = error.parameters?.retry_after ?? 1
        throttle.close(chatId, seconds)
        throw new RetryAfter(seconds)
      }
      throw error instanceof TelegramError && isGone(error) ? new ChatGone(error.description) : error
    }
  }
  return async (chatId, lane, write) => {
    const seconds = throttle.take(chatId, lane)
    if (seconds > 0) throw new RetryAfter(seconds)
    try {
      return await attempt(chatId, write)
    } catch (error) {
      const movedTo = error instanceof TelegramError ? error.parameters?.migrate_to_chat_id : undefined
      if (movedTo === undefined) throw error
      await store.transaction(({ chats }) => chats.move(chatId, movedTo))
      return attempt(movedTo, write)
    }
  }
}

/** Whether Telegram refused what a message holds, not the chat: sent as it is, it would be refused for ever. */
export function isContentRefused(error: unknown): boolean {
  if (!(error instanceof TelegramError) || isGone(error)) return false
  return error.code === 400 && error.parameters?.migrate_to_chat_id === undefined
}

function isGone(error: TelegramError): boolean {
  return error.code === 403 || (error.code === 400 && gone.test(error.description))
}
