import { cellLabel, Provider } from '@baton/contracts'
import { Option } from 'commander'
import type { Command } from 'commander'
import { factsOf } from '../client/facts-of.ts'
import type { Told } from '../client/facts-of.ts'
import type { Io } from '../io.ts'
import { estimateLines } from '../output/estimate-lines.ts'
import { planLines, plannedJson } from '../output/plan-lines.ts'
import { printJson } from '../output/print.ts'
import { count, printable } from '../output/text.ts'
import { withSpec } from '../spec/prepare-spec.ts'
import { example, jsonOption, numberArgument, projectOption, setOption } from './options.ts'
import type { CommonOptions } from './options.ts'

interface SpecOptions extends CommonOptions {
  readonly set?: readonly string[]
}

type ExplainOptions = SpecOptions & Told

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
      'Says what a spec will do: folds, stages, steps and the learning rate over them; sessions, disk and memory that it\n' +
        'takes. The number of samples comes from the dataset that the spec names, or from --samples, which needs no Baton\n' +
        'running.',
    )
    .argument('<spec>', 'file with the spec')
    .option('--samples <n>', 'training samples of the dataset', numberArgument({ min: 2, isWhole: true }))
    .option('--test-samples <n>', 'test samples of the dataset', numberArgument({ min: 0, isWhole: true }))
    .option('--labels <n>', 'labels of the dataset', numberArgument({ min: 1, isWhole: true }))
    .addOption(
      new Option('--provider <provider>', 'how long a session lives, by its profile').choices(Provider.options),
    )
    .option(
      '--images-per-second <n>',
      'pace of training; default: as a completed experiment of the same model had it',
      numberArgument({ min: 0.001 }),
    )
    .addOption(setOption())
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example(
        'baton spec explain spec.yaml --provider kaggle',
        'baton spec explain spec.yaml --samples 109237 --labels 1103 --images-per-second 90',
      ),
    )
    .action((file: string, options: ExplainOptions) =>
      withSpec(file, options.set, async ({ spec: valid, matrix }) => {
        const facts = await factsOf(io, valid, options)
        // Only this command needs the trainer, which is most of what `baton` would load.
        const { estimateTraining, measureModel, planTraining } = await import('@baton/trainer')
        const plan = planTraining(valid, facts.samples)
        const model = facts.labels === null ? null : await measureModel(valid, facts.labels)
        const estimate = estimateTraining(valid, plan, { ...facts, model })
        if (options.json) printJson(io, { ...plannedJson(valid, plan), model, pace: facts.pace, estimate })
        else {
          for (const { values } of matrix?.cells ?? []) io.out(printable(`experiment: ${cellLabel(values)}`))
          if (matrix) io.out('\nOf the first:')
          for (const line of planLines(valid, plan, io.terminal?.columns ?? 80)) io.out(line)
          for (const line of ['', ...estimateLines(estimate, { ...facts, model, provider: options.provider })])
            io.out(line)
        }
      }),
    )
}
