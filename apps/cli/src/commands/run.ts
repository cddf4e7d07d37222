import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { pushBundle } from '../client/push-bundle.ts'
import { startExperiment, startMatrix } from '../client/start-experiment.ts'
import type { StartOptions } from '../client/start-experiment.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { withSpec } from '../spec/prepare-spec.ts'
import { example, jsonOption, keyOption, projectOption, setOption, watchOption } from './options.ts'
import type { CommonOptions } from './options.ts'

type RunOptions = CommonOptions & StartOptions & { readonly set?: readonly string[] }

export function runCommand(program: Command, io: Io): void {
  program
    .command('run')
    .summary('start an experiment, or all of a matrix')
    .description(
      'Starts an experiment from a spec in YAML or JSON. `code: ./folder` in it is packed and pushed; the folder is\n' +
        'looked for beside the spec. Nothing is sent before the spec is valid. A spec with a `matrix` starts all of its\n' +
        'experiments, or none.',
    )
    .argument('<spec>', 'file with the spec')
    .addOption(setOption())
    .addOption(watchOption())
    .addOption(keyOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('baton run spec.yaml --watch', 'baton run spec.yaml --set seed=1 --set folds.count=3'),
    )
    .action((file: string, options: RunOptions) => run(io, file, options))
}

async function run(io: Io, fileName: string, options: RunOptions): Promise<void> {
  await withSpec(fileName, options.set, async ({ spec, matrix, bundle }) => {
    if (matrix && options.watch)
      throw new UsageError('--watch shows one experiment; `baton matrix` shows how all stand')
    const connection = await connect(io)
    const { api } = connection
    const project = await chooseProject(connection, options.project)
    if (bundle) await pushBundle(api, project, bundle)
    if (matrix) await startMatrix(io, api, project, matrix.spec, options)
    else
      await startExperiment(io, api, options, (call) => api.createExperiment({ params: { project }, body: spec }, call))
  })
}
