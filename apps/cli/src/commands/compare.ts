import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { comparisonLines } from '../output/comparison-lines.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

export function compareCommand(program: Command, io: Io): void {
  program
    .command('compare')
    .summary('compare two experiments')
    .description('Shows two experiments side by side: where their specs differ, scores fold by fold, LB and cost.')
    .argument('<left>', 'an experiment, by its number', versionArgument)
    .argument('<right>', 'another; differences are right minus left', versionArgument)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton compare 41 42', 'baton compare 41 42 --project imet --json'))
    .action(async (left: number, right: number, options: CommonOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const comparison = await connection.api.compareExperiments({ params: { project }, query: { left, right } })
      if (options.json) printJson(io, comparison)
      else for (const line of comparisonLines(comparison)) io.out(line)
    })
}
