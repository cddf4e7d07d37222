import type { Messenger } from '@baton/core'
import { toText } from '../messages/message.ts'
import { renderEvent } from '../messages/render-event.ts'

/** The chat that stands for the terminal, where no bot is configured. */
export const terminalChat = { chatId: 0, title: 'terminal' }

/** Prints what Telegram would be sent, each event by itself. */
export function terminalMessenger(print: (text: string) => void): Messenger {
  return {
    send: async (_chatId, event) => print(toText(renderEvent(event))),
    sendDigest: async (_chatId, events) => {
      for (const event of events) print(toText(renderEvent(event)))
      return events.length
    },
  }
}
