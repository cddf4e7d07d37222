import { unlinkChat } from '@baton/core'
import type { Handlers } from '../context.ts'

export const chatHandlers: Handlers<'listChats' | 'unlinkChat'> = {
  listChats: async ({ store }) => ({ items: await store.chats.list() }),
  unlinkChat: (deps, { params }) => unlinkChat(deps, { id: params.chat }),
}
