import { isFinal } from '@baton/contracts'
import { renderStatus } from '../messages/render-status.ts'
import type { Command } from './command.ts'

export const status: Command = {
  name: 'status',
  description: 'What runs: folds, steps, time left, sessions',
  answer: async ({ client }) => {
    const [{ items: projects }, { items: sessions }] = await Promise.all([client.listProjects(), client.listSessions()])
    const lists = await Promise.all(projects.map(({ slug }) => client.listExperiments({ params: { project: slug } })))
    const open = lists.flatMap(({ items }) => items.filter((experiment) => !isFinal(experiment.status)))
    const experiments = await Promise.all(
      open.map(({ project, version }) => client.getExperiment({ params: { project, version } })),
    )
    return renderStatus(experiments, sessions)
  },
}
