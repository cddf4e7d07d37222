import { noticeOf } from '@baton/contracts'
import type { Event } from '@baton/contracts'
import type { Messenger, Store } from '@baton/core'
import { keyboardOfEvent } from '../buttons/keyboard.ts'
import { plain, toHtml } from '../messages/message.ts'
import { fittingDigest } from '../messages/render-digest.ts'
import { renderEvent } from '../messages/render-event.ts'
import type { BotApi, Content, Keyboard } from '../telegram/bot-api.ts'
import { isContentRefused } from '../telegram/write-to-chat.ts'
import type { WriteToChat } from '../telegram/write-to-chat.ts'

/**
 * Tells chats of Telegram what happened. A message that Telegram refuses for what it holds must not hold up those behind
 * it: a line that says where to look goes in its place.
 */
export function telegramMessenger({ api, store, write }: { api: BotApi; store: Store; write: WriteToChat }): Messenger {
  const say = async (chatId: number, content: Content & { hasSound: boolean }, events: readonly Event[]) => {
    try {
      await api.send(chatId, content)
    } catch (error) {
      if (!isContentRefused(error)) throw error
      await api.send(chatId, { html: toHtml([plain(unshown(events))]), hasSound: content.hasSound })
    }
  }
  const send = async (chatId: number, event: Event, options: { hasSound: boolean }) => {
    const lane = noticeOf(event.payload) === 'urgent' ? 'urgent' : 'quiet'
    const html = toHtml(renderEvent(event))
    await write(chatId, lane, async (id) => {
      const keyboard: Keyboard = await keyboardOfEvent(store, id, event)
      await say(id, { html, keyboard, ...options }, [event])
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
      await write(chatId, 'quiet', (id) => say(id, { html: toHtml(message), hasSound: false }, events.slice(0, count)))
      return count
    },
  }
}

function unshown(events: readonly Event[]): string {
  const names = new Set(events.map(({ project, version }) => `/exp ${project}#${version}`))
  return `Telegram would not show what happened here; look at ${[...names].join(', ')}`
}
