import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { foldsOf } from '../client/folds-of.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

const foldArgument = numberArgument({ min: 0, isWhole: true })

export function retryCommand(program: Command, io: Io): void {
  program
    .command('retry')
    .summary('give a failed fold another chance')
    .description(
      'Makes a failed fold ready again, from its last checkpoint and as if it had never failed. Its experiment runs\n' +
        'again if it had failed.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .argument('<fold>', 'fold, 0-based', foldArgument)
    .option('--from-start', 'train it from the beginning')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton retry 41 2', 'baton retry 41 2 --from-start'))
    .action(async (version: number, index: number, options: CommonOptions & { fromStart?: boolean }) => {
      const { api, project, id } = await findFold(io, options, version, index)
      const fold = await api.retryFold({ params: { fold: id }, body: { fromStart: options.fromStart ?? false } })
      if (options.json) printJson(io, fold)
      else io.out(`fold ${index} of ${project} #${version} is ${fold.status}, from step ${fold.checkpointStep ?? 0}`)
    })
}

export function prioritiseCommand(program: Command, io: Io): void {
  program
    .command('prioritise')
    .summary('have a fold leased sooner, or later')
    .description(
      "Changes a fold's priority: of the folds that wait in a pool the one with the highest is leased first.",
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .argument('<fold>', 'fold, 0-based', foldArgument)
    .argument('<priority>', '0 to 1000, higher is leased sooner', numberArgument({ min: 0, max: 1000, isWhole: true }))
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton prioritise 41 2 100'))
    .action(async (version: number, index: number, priority: number, options: CommonOptions) => {
      const { api, project, id } = await findFold(io, options, version, index)
      const fold = await api.prioritiseFold({ params: { fold: id }, body: { priority } })
      if (options.json) printJson(io, fold)
      else io.out(`fold ${index} of ${project} #${version} has priority ${fold.priority}`)
    })
}

async function findFold(io: Io, options: CommonOptions, version: number, index: number) {
  const connection = await connect(io)
  const project = await chooseProject(connection, options.project)
  const [fold] = await foldsOf(connection.api, { project, version }, index)
  return { api: connection.api, project, id: fold!.id }
}
