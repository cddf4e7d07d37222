import { pairChat } from '@baton/core'
import { plain, title } from '../messages/message.ts'
import type { Message } from '../messages/message.ts'
import type { Command } from './command.ts'

/** All that a chat is told before it is paired. */
export const pairingHint: Message = [
  plain('This chat is not paired with Baton.'),
  plain('Run `baton telegram pair` where Baton is set up, then send /start with the code that it prints.'),
]

/** Pairs the chat by a one-use code. Sent again (Telegram may repeat it), it changes nothing. */
export const start: Command = {
  name: 'start',
  description: 'Pair this chat: /start and the code',
  isOpen: true,
  answer: async ({ store }, { chatId, chatTitle, words }) => {
    const code = words[0]
    if (code !== undefined && (await pairChat({ store }, { code, chatId, title: chatTitle })))
      return [
        title('This chat is paired.'),
        plain(
          'It is told when a fold or an experiment ends, fails or loses its session. /help lists what else it can do.',
        ),
      ]
    if (await store.chats.find(chatId)) return [plain('This chat is paired already. /help lists what it can do.')]
    if (code === undefined) return pairingHint
    return [
      plain('That code is unknown, was used already or has expired. A code is valid for 10 minutes, once.'),
      ...pairingHint,
    ]
  },
}
