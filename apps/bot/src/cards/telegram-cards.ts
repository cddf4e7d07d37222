import type { CardPainter, CardView, Store } from '@baton/core'
import { keyboardOfExperiment } from '../buttons/keyboard.ts'
import { toHtml } from '../messages/message.ts'
import type { BotApi } from '../telegram/bot-api.ts'
import type { WriteToChat } from '../telegram/write-to-chat.ts'
import { renderCard } from './render-card.ts'

/** Shows cards as messages that are edited, with the buttons that fit the experiment. */
export function telegramCards({ api, store, write }: { api: BotApi; store: Store; write: WriteToChat }): CardPainter {
  const textOf = ({ experiment, facts }: CardView) => toHtml(renderCard(experiment, facts))
  const contentOf = async (view: CardView) => ({
    html: textOf(view),
    keyboard: await keyboardOfExperiment(store, view.chat, view.experiment),
  })
  return {
    textOf,
    send: (chatId, view) =>
      write(chatId, 'card', async (id) => api.send(id, { ...(await contentOf(view)), hasSound: false })),
    edit: (chatId, messageId, view) =>
      write(chatId, 'card', async (id) => api.edit(id, messageId, await contentOf(view))),
  }
}
