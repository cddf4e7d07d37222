import { AppError } from '@baton/contracts'
import type { Store } from '../store.ts'
import { forgetChat } from './deliver-notifications.ts'

/**
 * Unpairs a chat from outside of it: it is told nothing more, and what waits for it is given up.
 * @throws {AppError} `not-found`
 */
export async function unlinkChat({ store }: { store: Store }, { id }: { id: string }): Promise<void> {
  const chat = (await store.chats.list()).find((paired) => paired.id === id)
  if (chat === undefined) throw new AppError('not-found', { chat: id }, { detail: 'no such chat is paired' })
  await forgetChat(store, chat.chatId)
}
