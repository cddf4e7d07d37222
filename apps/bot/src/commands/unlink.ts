import { forgetChat } from '@baton/core'
import { plain } from '../messages/message.ts'
import type { Command } from './command.ts'

export const unlink: Command = {
  name: 'unlink',
  description: 'Unpair this chat: it is told nothing more',
  answer: async ({ store }, { chatId }) => {
    await forgetChat(store, chatId)
    return [plain('This chat is unpaired: it is told nothing more. Pair it again with /start and a new code.')]
  },
}
