import { allPages } from '@baton/contracts'
import { plain } from '../messages/message.ts'
import type { Command } from './command.ts'

/** `/project` says which is chosen, `/project imet` chooses one, `/project all` none. */
export const project: Command = {
  name: 'project',
  description: 'The project this chat is about: /project imet, /project all',
  answer: async ({ client, store }, { chat, words }) => {
    const items = await allPages(client.listProjects, {})
    const names = items.map(({ slug }) => slug).join(', ')
    const [word] = words
    if (word === undefined) return [plain(`This chat is about ${chat.project ?? 'all projects'}. Projects: ${names}`)]
    if (word === 'all') {
      await store.chats.configure(chat.id, { projectId: null })
      return [plain('This chat is about all projects.')]
    }
    const chosen = items.find(({ slug }) => slug === word)
    if (chosen === undefined) return [plain(`There is no project ${word}. Projects: ${names}`)]
    await store.chats.configure(chat.id, { projectId: chosen.id })
    return [plain(`This chat is about ${chosen.slug}: /status, /top and /exp mean it when they name no other.`)]
  },
}
