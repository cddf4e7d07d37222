import type { Client } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

/** What is done to an experiment that runs, each the call of the same name. */
const verbs = {
  pause: {
    summary: 'let an experiment rest',
    description:
      'Pauses an experiment: no fold is leased any more; running ones are handed over at their next heartbeat, at no\n' +
      'lost step, and their sessions go on to other folds.',
    call: (api: Client) => api.pauseExperiment,
  },
  resume: {
    summary: 'let a paused experiment go on',
    description: 'Resumes a paused experiment: its folds are offered again, each from its last checkpoint.',
    call: (api: Client) => api.resumeExperiment,
  },
  cancel: {
    summary: 'cancel an experiment',
    description: 'Cancels an experiment: no fold is leased again, running ones stop at their next heartbeat.',
    call: (api: Client) => api.cancelExperiment,
  },
} as const

/** `pause`, `resume` and `cancel`. */
export function steerCommands(program: Command, io: Io): void {
  for (const [name, { summary, description, call }] of Object.entries(verbs))
    program
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<version>', 'number of the experiment', versionArgument)
      .addOption(projectOption())
      .addOption(jsonOption())
      .addHelpText('after', example(`baton ${name} 41`))
      .action(async (version: number, options: CommonOptions) => {
        const connection = await connect(io)
        const project = await chooseProject(connection, options.project)
        const experiment = await call(connection.api)({ params: { project, version } })
        if (options.json) printJson(io, experiment)
        else io.out(`${project} #${version} is ${experiment.status}`)
      })
}
