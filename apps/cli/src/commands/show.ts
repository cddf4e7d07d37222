import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { finishWatching } from '../client/finish-watching.ts'
import type { Io } from '../io.ts'
import { experimentLines } from '../output/experiment-lines.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, projectOption, versionArgument, watchOption } from './options.ts'
import type { CommonOptions } from './options.ts'

export function showCommand(program: Command, io: Io): void {
  program
    .command('show')
    .summary('show an experiment with its folds')
    .description('Shows an experiment: its state, scores, folds and what failed.')
    .argument('<version>', 'number of the experiment', versionArgument)
    .addOption(watchOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton show 41', 'baton show 41 --watch'))
    .action(async (version: number, options: CommonOptions & { watch?: boolean }) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      if (options.watch) return finishWatching(io, connection.api, { project, version }, options)
      const experiment = await connection.api.getExperiment({ params: { project, version } })
      if (options.json) printJson(io, experiment)
      else for (const line of experimentLines(experiment)) io.out(line)
    })
}
