import type { Client } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

/** What is done to an experiment that runs, or to all of a matrix, each the call of the same name. */
const verbs = {
  pause: {
    summary: 'let an experiment rest',
    description:
      'Pauses an experiment: no fold is leased any more; running ones are handed over at their next heartbeat, at no\n' +
      'lost step, and their sessions go on to other folds.',
    one: (api: Client) => api.pauseExperiment,
    all: (api: Client) => api.pauseMatrix,
  },
  resume: {
    summary: 'let a paused experiment go on',
    description: 'Resumes a paused experiment: its folds are offered again, each from its last checkpoint.',
    one: (api: Client) => api.resumeExperiment,
    all: (api: Client) => api.resumeMatrix,
  },
  cancel: {
    summary: 'cancel an experiment',
    description: 'Cancels an experiment: no fold is leased again, running ones stop at their next heartbeat.',
    one: (api: Client) => api.cancelExperiment,
    all: (api: Client) => api.cancelMatrix,
  },
} as const

/** `pause`, `resume` and `cancel`. */
export function steerCommands(program: Command, io: Io): void {
  for (const [name, { summary, description, one, all }] of Object.entries(verbs))
    program
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<version>', 'number of the experiment', versionArgument)
      .option('--matrix', 'all experiments of its matrix that have not ended')
      .addOption(projectOption())
      .addOption(jsonOption())
      .addHelpText('after', example(`baton ${name} 41`, `baton ${name} 41 --matrix`))
      .action(async (version: number, options: CommonOptions & { matrix?: true }) => {
        const connection = await connect(io)
        const project = await chooseProject(connection, options.project)
        const call = { params: { project, version } }
        const changed = await (options.matrix ? all : one)(connection.api)(call)
        if (options.json) printJson(io, changed)
        else
          for (const { version: of, status } of 'cells' in changed ? changed.cells : [changed])
            io.out(`${project} #${of} is ${status}`)
      })
}
