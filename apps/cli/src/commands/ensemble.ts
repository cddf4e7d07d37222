import { Option } from 'commander'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { finishWatching } from '../client/finish-watching.ts'
import { startOnce } from '../client/start-experiment.ts'
import type { StartOptions } from '../client/start-experiment.ts'
import type { Io } from '../io.ts'
import { example, jsonOption, keyOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

interface EnsembleOptions extends CommonOptions, StartOptions {
  readonly blend: 'mean' | 'rank' | 'weighted'
  readonly scope?: 'table' | 'label'
  readonly name?: string
  readonly seed?: number
}

export function ensembleCommand(program: Command, io: Io): void {
  program
    .command('ensemble')
    .summary('make one experiment of the predictions of several')
    .description(
      'Blends the predictions of completed experiments of the same dataset version, folds and seed. Nothing is trained:\n' +
        'the ensemble is scored on OOF, stands on the leaderboard, and is submitted like any other.',
    )
    .argument('<version...>', 'numbers of the experiments, at least two', (text, before: readonly number[] = []) => [
      ...before,
      versionArgument(text),
    ])
    .addOption(
      new Option('--blend <how>', 'mean of probabilities, of ranks, or by weights searched on OOF')
        .choices(['mean', 'rank', 'weighted'])
        .default('mean'),
    )
    .addOption(new Option('--scope <scope>', 'what is ranked among (default table)').choices(['table', 'label']))
    .option('--name <name>', 'name of the ensemble (default says its members)')
    .option(
      '--seed <number>',
      'seed of the search (default 0)',
      numberArgument({ min: 0, max: 0xffff_ffff, isWhole: true }),
    )
    .addOption(keyOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton ensemble 41 42 43', 'baton ensemble 41 42 43 --blend weighted --name final'))
    .action(async (members: number[], options: EnsembleOptions) => {
      const connection = await connect(io)
      const { api } = connection
      const project = await chooseProject(connection, options.project)
      const { blend: by, scope, seed, name = `${by} of ${members.join(', ')}` } = options
      const body = { name, members, by, ...(scope && { scope }), ...(seed !== undefined && { seed }) }
      const { version } = await startOnce(io, options, (call) =>
        api.createEnsemble({ params: { project }, body }, call),
      )
      if (!options.json)
        io.out(`${project} #${version}: ensemble of ${members.map((member) => `#${member}`).join(', ')}`)
      await finishWatching(io, api, { project, version }, options)
    })
}
