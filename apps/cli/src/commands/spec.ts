import { allPages, AppError, cellLabel } from '@baton/contracts'
import type { ExperimentSpec } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { planLines, plannedJson } from '../output/plan-lines.ts'
import { printJson } from '../output/print.ts'
import { count, printable } from '../output/text.ts'
import { withSpec } from '../spec/prepare-spec.ts'
import { example, jsonOption, numberArgument, projectOption, setOption } from './options.ts'
import type { CommonOptions } from './options.ts'

interface SpecOptions extends CommonOptions {
  readonly set?: readonly string[]
}

export function specCommand(program: Command, io: Io): void {
  const spec = program.command('spec').description('Specs, before anything is started.')
  spec
    .command('validate')
    .summary('check a spec, without Baton running')
    .description('Checks a spec and says everything that is wrong with it at once; --json prints it with its defaults.')
    .argument('<spec>', 'file with the spec')
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton spec validate spec.yaml', 'baton spec validate spec.yaml --json'))
    .action((file: string, options: SpecOptions) =>
      withSpec(file, options.set, async ({ spec: valid, matrix }) => {
        if (options.json) printJson(io, matrix?.cells ?? valid)
        else io.out(`${file} is valid${matrix === null ? '' : `: ${count(matrix.cells.length, 'experiment')}`}`)
      }),
    )
  spec
    .command('explain')
    .summary('say what a spec will do')
    .description(
      'Says what a spec will do: folds, stages, steps and the learning rate over them. The number of samples comes\n' +
        'from the dataset that the spec names, or from --samples, which needs no Baton running.',
    )
    .argument('<spec>', 'file with the spec')
    .option('--samples <n>', 'training samples of the dataset', numberArgument({ min: 2, isWhole: true }))
    .addOption(setOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton spec explain spec.yaml', 'baton spec explain spec.yaml --samples 109237'))
    .action((file: string, options: SpecOptions & { samples?: number }) =>
      withSpec(file, options.set, async ({ spec: valid, matrix }) => {
        const samples = options.samples ?? (await samplesOf(io, valid, options.project))
        // Only this command needs the trainer, which is most of what `baton` would load.
        const { planTraining } = await import('@baton/trainer')
        const plan = planTraining(valid, samples)
        if (options.json) printJson(io, plannedJson(valid, plan))
        else {
          for (const { values } of matrix?.cells ?? []) io.out(printable(`experiment: ${cellLabel(values)}`))
          if (matrix) io.out('\nOf the first:')
          for (const line of planLines(valid, plan, io.terminal?.columns ?? 80)) io.out(line)
        }
      }),
    )
}

/** Training samples of the dataset version that a spec names, as Baton knows it. */
async function samplesOf(io: Io, { dataset }: ExperimentSpec, named: string | undefined): Promise<number> {
  const connection = await connect(io)
  const project = await chooseProject(connection, named)
  const [name, version] = dataset.split('@')
  const versions = await allPages(connection.api.listDatasetVersions, { params: { project } })
  const found = versions.find(
    (item) => item.dataset === name && (version ?? String(item.version)) === String(item.version),
  )
  if (found) return found.samplesTrain
  const detail = `project "${project}" has no dataset ${dataset}; create it, or say how large it is with --samples`
  throw new AppError('spec-invalid', {}, { faults: [{ pointer: '/dataset', detail }] })
}
