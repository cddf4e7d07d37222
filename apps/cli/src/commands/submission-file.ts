import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { AppError } from '@baton/contracts'
import type { Client, Submission } from '@baton/contracts'
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { downloadFiles } from '../client/download-files.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count, formatBytes } from '../output/text.ts'
import { uploadBlobs } from '../transfer/upload-blobs.ts'
import { jsonOption, numberArgument, projectOption } from './options.ts'
import type { CommonOptions } from './options.ts'

export interface SubmissionFileOptions extends CommonOptions {
  readonly out?: string
  readonly template?: string
  readonly as?: 'labels' | 'probabilities'
  readonly idColumn?: string
  readonly labelsColumn?: string
  readonly labels?: 'name' | 'index'
  readonly threshold?: Readonly<Record<string, number>>
}

const pollMs = 500

/** How a submission's file is written. */
export function addFileOptions(command: Command): Command {
  return command
    .option('--template <file>', 'a sample submission: header, rows and the form of labels are taken from it')
    .addOption(
      new Option(
        '--as <what>',
        'labels, or a column of probabilities for each (default what the template has)',
      ).choices(['labels', 'probabilities']),
    )
    .option('--id-column <name>', 'without a template: name of the first column (default id)')
    .option('--labels-column <name>', 'without a template: name of the second column (default labels)')
    .addOption(
      new Option('--labels <form>', 'without a template: labels by name (default) or index').choices(['name', 'index']),
    )
    .option(
      '--threshold <group=value>',
      'another threshold, 0 to 1, for a label group; may be given several times',
      thresholdArgument,
    )
    .addOption(projectOption())
    .addOption(jsonOption())
}

/** Makes a submission of an experiment, waits for its file, and downloads it where `out` says so. */
export async function makeFile(io: Io, version: number, options: SubmissionFileOptions): Promise<void> {
  const connection = await connect(io)
  const project = await chooseProject(connection, options.project)
  const { api } = connection
  const template = options.template === undefined ? null : await uploadTemplate(api, project, options.template)
  const body = { ...bodyOf(options), ...(template && { template }) }
  const { number } = await api.createSubmission({ params: { project, version }, body })
  const submission = await untilMade(api, { project, number }, io.stopSignal())
  if (options.out !== undefined) await downloadSubmission(io, api, submission, options.out)
  if (options.json) return printJson(io, submission)
  const what = `submission ${number} of ${project} #${version}: ${count(submission.rows!, 'row')}`
  io.out(`${what}, ${formatBytes(submission.file!.sizeBytes)}${options.out ? `, in ${options.out}` : ''}`)
  if (!options.out) io.err(`\`baton submission download ${number} --out submission.csv\` fetches it`)
}

/** @throws {AppError} `conflict` while it has no file */
export async function downloadSubmission(
  io: Io,
  api: Client,
  { project, number, file }: Submission,
  out: string,
): Promise<void> {
  const ask = () => api.downloadSubmission({ params: { project, number } })
  // Without a file the API says why.
  if (file === null) return void (await ask())
  await downloadFiles(io, [{ blob: file, path: out, address: async () => (await ask()).url }])
}

/** @returns The digest that it is named by. */
async function uploadTemplate(api: Client, project: string, path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('request-invalid', {}, { detail: `the template ${path} cannot be read`, cause })
  })
  const digest = createHash('sha256').update(bytes).digest('hex')
  await uploadBlobs(api, { project, blobs: [{ digest, sizeBytes: bytes.byteLength, bytes }] })
  return digest
}

function bodyOf({ as, idColumn, labelsColumn, labels, threshold }: SubmissionFileOptions) {
  return {
    ...(as === undefined ? {} : { as }),
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
