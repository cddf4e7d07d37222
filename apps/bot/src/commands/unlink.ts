import type { Store } from '@baton/core'
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

/** Unpairs a chat and gives up what it has not been sent. */
export async function forgetChat(store: Store, chatId: number): Promise<void> {
  await store.transaction(async ({ notifications }) => {
    const chat = await notifications.findChat(chatId)
    if (chat === null) return
    await notifications.unpair(chatId)
    await notifications.drop(chat.id)
  })
}
