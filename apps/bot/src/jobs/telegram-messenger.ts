import { ChatGone, RetryAfter } from '@baton/core'
import type { Messenger, Store } from '@baton/core'
import { TelegramError } from 'telegraf'
import { toHtml } from '../messages/message.ts'
import { isQuiet, renderEvent } from '../messages/render-event.ts'
import type { BotApi } from '../telegram/bot-api.ts'

/** What Telegram says, beside 403, when a chat can never be written to again as things are. */
const gone = /chat not found|PEER_ID_INVALID|not enough rights|have no rights|CHAT_WRITE_FORBIDDEN|CHAT_RESTRICTED/i

/**
 * Sends events to Telegram. A flood limit becomes RetryAfter, a chat that blocked the bot ChatGone. A group that
 * became a supergroup has a new id: its pairing moves there, and the message goes there.
 */
export function telegramMessenger({ api, store }: { api: BotApi; store: Store }): Messenger {
  return {
    send: async (chatId, event) => {
      const html = toHtml(renderEvent(event))
      const options = { quiet: isQuiet(event) }
      try {
        await api.sendHtml(chatId, html, options)
      } catch (error) {
        const movedTo = error instanceof TelegramError ? error.parameters?.migrate_to_chat_id : undefined
        if (movedTo === undefined) throw translated(error)
        await movePairing(store, chatId, movedTo)
        await api.sendHtml(movedTo, html, options).catch((again: unknown) => {
          throw translated(again)
        })
      }
    },
  }
}

/** Pairs a group under its new id. What waits for the old one is still sent, to the new one. */
export async function movePairing(store: Store, from: number, to: number): Promise<void> {
  await store.transaction(async ({ notifications }) => {
    const chat = await notifications.findChat(from)
    if (chat === null) return
    await notifications.unpair(from)
    await notifications.pair({ chatId: to, title: chat.title })
  })
}

function translated(error: unknown): unknown {
  if (!(error instanceof TelegramError)) return error
  if (error.code === 429) return new RetryAfter(error.parameters?.retry_after ?? 1)
  if (error.code === 403 || (error.code === 400 && gone.test(error.description))) return new ChatGone(error.description)
  return error
}
