import { setTimeout } from 'node:timers/promises'
import { AppError } from '@baton/contracts'
import type { Client, Submission } from '@baton/contracts'
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count, formatBytes } from '../output/text.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'
import { downloadSubmission } from './submissions.ts'

interface SubmitOptions extends CommonOptions {
  readonly out?: string
  readonly idColumn?: string
  readonly labelsColumn?: string
  readonly labels?: 'name' | 'index'
  readonly threshold?: Readonly<Record<string, number>>
}

const pollMs = 500

export function submitCommand(program: Command, io: Io): void {
  program
    .command('submit')
    .summary("make a submission's file")
    .description(
      'Makes a submission file from the test predictions of a completed experiment, at the thresholds searched on OOF.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .option('-o, --out <file>', 'download the file to here')
    .option('--id-column <name>', 'name of the first column (default id)')
    .option('--labels-column <name>', 'name of the second column (default labels)')
    .addOption(new Option('--labels <form>', 'labels by name (default) or index').choices(['name', 'index']))
    .option(
      '--threshold <group=value>',
      'another threshold, 0 to 1, for a label group; may be given several times',
      thresholdArgument,
    )
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton submit 41 --out submission.csv', 'baton submit 41 --threshold tag=0.97'))
    .action(async (version: number, options: SubmitOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const { api } = connection
      const { number } = await api.createSubmission({ params: { project, version }, body: bodyOf(options) })
      const submission = await untilMade(api, { project, number }, io.stopSignal())
      if (options.out !== undefined) await downloadSubmission(io, api, submission, options.out)
      if (options.json) return printJson(io, submission)
      const what = `submission ${number} of ${project} #${version}: ${count(submission.rows!, 'row')}`
      io.out(`${what}, ${formatBytes(submission.file!.sizeBytes)}${options.out ? `, in ${options.out}` : ''}`)
      if (!options.out) io.err(`\`baton submission download ${number} --out submission.csv\` fetches it`)
    })
}

function bodyOf({ idColumn, labelsColumn, labels, threshold }: SubmitOptions) {
  return {
    ...(idColumn === undefined ? {} : { idColumn }),
    ...(labelsColumn === undefined ? {} : { labelsColumn }),
    ...(labels === undefined ? {} : { labelForm: labels }),
    ...(threshold === undefined ? {} : { thresholds: threshold }),
  }
}

/** @throws {AppError} why no file could be made */
async function untilMade(
  api: Client,
  params: { project: string; number: number },
  signal: AbortSignal,
): Promise<Submission> {
  for (;;) {
    const submission = await api.getSubmission({ params }, { signal })
    if (submission.failure !== null) {
      const { code, detail } = submission.failure
      throw new AppError(code, {}, { detail })
    }
    if (submission.status === 'ready') return submission
    await setTimeout(pollMs, undefined, { signal }).catch(() => {
      // The file is made all the same.
      throw new Exit(exitCodes.interrupted)
    })
  }
}

const rank = numberArgument({ min: 0, max: 1 })

/** `tag=0.97`; a group's name may hold an equals sign itself. */
function thresholdArgument(text: string, before: Readonly<Record<string, number>> = {}): Record<string, number> {
  const at = text.lastIndexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be a label group and a threshold, e.g. tag=0.97.')
  return { ...before, [text.slice(0, at)]: rank(text.slice(at + 1)) }
}
