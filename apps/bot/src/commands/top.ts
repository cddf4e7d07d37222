import { allPages } from '@baton/contracts'
import { plain } from '../messages/message.ts'
import { renderLeaderboard } from '../messages/render-leaderboard.ts'
import type { Command } from './command.ts'

const rowsDefault = 10
/** What one message holds with room to spare. */
const rowsMax = 50

/** `/top`, `/top 5`, `/top imet`, `/top all 5`: the chat's project where none is named, or all. */
export const top: Command = {
  name: 'top',
  description: 'Leaderboard: /top, /top 20, /top <project> 20',
  answer: async ({ client }, { chat, words }) => {
    const { project = chat.project ?? 'all', limit } = parse(words)
    const slugs = (await allPages(client.listProjects, {})).map(({ slug }) => slug)
    if (slugs.length === 0) return [plain('There is no project yet.')]
    if (project !== 'all' && !slugs.includes(project))
      return [plain(`There is no project ${project}. Projects: ${slugs.join(', ')}`)]
    const shown = project === 'all' ? slugs : [project]
    const boards = await Promise.all(
      shown.map(async (slug) => {
        const { items } = await client.getLeaderboard({
          params: { project: slug },
          query: { limit, fields: 'cv,lbPublic,name' },
        })
        return renderLeaderboard(slug, items)
      }),
    )
    return boards.flat()
  },
}

/** A single number is a number of rows; a project's name comes first. */
function parse(words: readonly string[]): { project: string | undefined; limit: number } {
  const isCount = (word: string | undefined) => word !== undefined && /^\d+$/.test(word)
  const [project, count] = words.length === 1 && isCount(words[0]) ? [undefined, words[0]] : words
  const limit = isCount(count) ? Math.max(1, Math.min(rowsMax, Number(count))) : rowsDefault
  return { project, limit }
}
