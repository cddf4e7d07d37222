import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

export function cancelCommand(program: Command, io: Io): void {
  program
    .command('cancel')
    .summary('cancel an experiment')
    .description('Cancels an experiment: no fold is leased again, running ones stop at their next heartbeat.')
    .argument('<version>', 'number of the experiment', versionArgument)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton cancel 41'))
    .action(async (version: number, options: CommonOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const experiment = await connection.api.cancelExperiment({ params: { project, version } })
      if (options.json) printJson(io, experiment)
      else io.out(`${project} #${version} is ${experiment.status}`)
    })
}
