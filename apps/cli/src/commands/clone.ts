import { Option } from 'commander'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { startExperiment } from '../client/start-experiment.ts'
import type { StartOptions } from '../client/start-experiment.ts'
import type { Io } from '../io.ts'
import { mergePatchOf } from '../spec/merge-patch-of.ts'
import { readStages } from '../spec/prepare-spec.ts'
import { readSpecFile } from '../spec/spec-file.ts'
import {
  example,
  jsonOption,
  keyOption,
  projectOption,
  repeated,
  setOption,
  versionArgument,
  watchOption,
} from './options.ts'
import type { CommonOptions } from './options.ts'

type CloneOptions = CommonOptions &
  StartOptions & { readonly set?: readonly string[]; readonly addStage?: readonly string[] }

export function cloneCommand(program: Command, io: Io): void {
  program
    .command('clone')
    .summary('start an experiment from the spec of another')
    .description(
      'Starts an experiment from the spec of another, with changes. Code and the version of the dataset stay the same\n' +
        'unless they are changed; `null` takes a value back to its default. A stage is named by its name: it is changed,\n' +
        'taken out by `null`, or added at the end.',
    )
    .argument('<version>', 'number of the experiment to clone', versionArgument)
    .addOption(setOption())
    .addOption(
      new Option('--add-stage <file>', 'add the stage, or the list of stages, of a file at the end').argParser(
        repeated,
      ),
    )
    .addOption(watchOption())
    .addOption(keyOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'baton clone 41 --set seed=2 --set name=again',
        'baton clone 41 --set stages.all.epochs=9 --set stages.head=null',
        'baton clone 41 --add-stage fine-tune.yaml',
      ),
    )
    .action(async (version: number, options: CloneOptions) => {
      const connection = await connect(io)
      const { api } = connection
      const params = { project: await chooseProject(connection, options.project), version }
      const { spec } = await api.getExperiment({ params })
      const changed = readSpecFile(JSON.stringify(spec), `the spec of #${version}`, options.set).value as typeof spec
      const added = (await Promise.all((options.addStage ?? []).map(readStages))).flat()
      const body = { overrides: mergePatchOf(spec, { ...changed, stages: [...changed.stages, ...added] }) }
      await startExperiment(io, api, options, (call) => api.cloneExperiment({ params, body }, call))
    })
}

export function rerunCommand(program: Command, io: Io): void {
  program
    .command('rerun')
    .summary('start an experiment again')
    .description('Starts an experiment again under a new number: the same spec, code and version of the dataset.')
    .argument('<version>', 'number of the experiment to repeat', versionArgument)
    .addOption(watchOption())
    .addOption(keyOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton rerun 41'))
    .action(async (version: number, options: CommonOptions & StartOptions) => {
      const connection = await connect(io)
      const params = { project: await chooseProject(connection, options.project), version }
      await startExperiment(io, connection.api, options, (call) => connection.api.rerunExperiment({ params }, call))
    })
}
