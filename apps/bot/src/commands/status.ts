import { allPages, ExperimentStatus, isFinal } from '@baton/contracts'
import { renderStatus } from '../messages/render-status.ts'
import type { Command } from './command.ts'

/** A filter of the experiments that something may still change. */
const open = `status IN (${ExperimentStatus.options.filter((state) => !isFinal(state)).join(', ')})`

/** `/status`, `/status imet`, `/status all`: the chat's project where none is named. */
export const status: Command = {
  name: 'status',
  description: 'What runs: folds, steps, time left, sessions',
  answer: async ({ client }, { chat, words }) => {
    const wanted = words[0] ?? chat.project ?? 'all'
    const [projects, sessions] = await Promise.all([
      allPages(client.listProjects, {}),
      allPages(client.listSessions, {}),
    ])
    const shown = projects.filter(({ slug }) => wanted === 'all' || slug === wanted)
    const lists = await Promise.all(
      shown.map(async ({ slug: project }) => {
        const { items } = await client.listExperiments({ params: { project }, query: { where: open, limit: 200 } })
        return items.map(({ version }) => ({ project, version }))
      }),
    )
    const experiments = await Promise.all(lists.flat().map((params) => client.getExperiment({ params })))
    return renderStatus(experiments, sessions)
  },
}
