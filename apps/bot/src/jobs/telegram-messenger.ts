import { noticeOf } from '@baton/contracts'
import type { Event } from '@baton/contracts'
import type { Messenger, Store } from '@baton/core'
import { keyboardOfEvent } from '../buttons/keyboard.ts'
import { toHtml } from '../messages/message.ts'
import { fittingDigest } from '../messages/render-digest.ts'
import { renderEvent } from '../messages/render-event.ts'
import type { BotApi, Keyboard } from '../telegram/bot-api.ts'
import type { WriteToChat } from '../telegram/write-to-chat.ts'

/** Tells chats of Telegram what happened. */
export function telegramMessenger({ api, store, write }: { api: BotApi; store: Store; write: WriteToChat }): Messenger {
  const send = async (chatId: number, event: Event, options: { hasSound: boolean }) => {
    const lane = noticeOf(event.payload) === 'urgent' ? 'urgent' : 'quiet'
    const html = toHtml(renderEvent(event))
    await write(chatId, lane, async (id) => {
      const keyboard: Keyboard = await keyboardOfEvent(store, id, event)
      await api.send(id, { html, keyboard, ...options })
    })
  }
  return {
    send,
    sendDigest: async (chatId, events) => {
      if (events.length === 1) {
        await send(chatId, events[0]!, { hasSound: false })
        return 1
      }
      const { message, count } = fittingDigest(events)
      await write(chatId, 'quiet', (id) => api.send(id, { html: toHtml(message), hasSound: false }))
      return count
    },
  }
}
