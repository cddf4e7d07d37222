import { allPages } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printJson, printList } from '../output/print.ts'
import { formatBytes, formatScore } from '../output/text.ts'
import { addScoreOptions, scoresOf } from './lb.ts'
import type { ScoreOptions } from './lb.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'
import { addFileOptions, downloadSubmission, makeFile } from './submission-file.ts'
import type { SubmissionFileOptions } from './submission-file.ts'

export function submissionsCommand(program: Command, io: Io): void {
  program
    .command('submissions')
    .summary('list submissions')
    .description("Lists a project's submissions, or those of one experiment, newest first.")
    .argument('[version]', 'number of the experiment (default all)', versionArgument)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton submissions', 'baton submissions 41 --json'))
    .action(async (version: number | undefined, options: CommonOptions) => {
      const connection = await connect(io)
      const { api } = connection
      const project = await chooseProject(connection, options.project)
      const items =
        version === undefined
          ? await allPages(api.listSubmissions, { params: { project } })
          : await allPages(api.listExperimentSubmissions, { params: { project, version } })
      printList(io, items, {
        json: options.json,
        empty: 'there is no submission yet; make one with `baton submit <version>`',
        columns: [
          { title: 'submission', value: ({ number }) => number, align: 'right' },
          { title: 'version', value: ({ version: of }) => of, align: 'right' },
          { title: 'status', value: ({ status }) => status },
          { title: 'LB public', value: ({ lbPublic }) => formatScore(lbPublic), align: 'right' },
          { title: 'LB private', value: ({ lbPrivate }) => formatScore(lbPrivate), align: 'right' },
          { title: 'rows', value: ({ rows }) => rows, align: 'right' },
          { title: 'size', value: ({ file }) => (file === null ? null : formatBytes(file.sizeBytes)), align: 'right' },
          { title: 'created', value: ({ createdAt }) => createdAt },
          { title: 'failure', value: ({ failure }) => failure?.detail ?? '' },
        ],
      })
    })
}

export function submissionCommand(program: Command, io: Io): void {
  const submission = program
    .command('submission')
    .description('A submission: its file, and the scores it got.')
    .summary("write a submission's file, record its scores, download it")
  const write = submission
    .command('write')
    .summary('write a submission as a sample submission has it')
    .description(
      'Makes a submission of a completed experiment, written as a sample submission has it: the same header, the same\n' +
        'rows in the same order, labels by name or number, or a column of probabilities for each label.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .option('-o, --out <file>', 'where the file goes', 'submission.csv')
  addFileOptions(write)
    .addHelpText('after', example('baton submission write 41 --template sample_submission.csv'))
    .action((version: number, options: SubmissionFileOptions) => makeFile(io, version, options))
  const score = submission
    .command('score')
    .summary('record the scores that a submission got')
    .description(
      'Records the scores that a submission got; higher is better, and what is not named stays as it is.\n' +
        "The experiment's LB is that of its best public submission.",
    )
    .argument('<number>', 'number of the submission', submissionArgument)
  addScoreOptions(score)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      example('baton submission score 3 --public 0.6512', 'baton submission score 3 --private none'),
    )
    .action(async (number: number, options: ScoreOptions) => {
      const body = scoresOf(options)
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const scored = await connection.api.scoreSubmission({ params: { project, number }, body })
      if (options.json) return printJson(io, scored)
      const { lbPublic, lbPrivate } = scored
      io.out(`submission ${number}: LB public ${formatScore(lbPublic)}  private ${formatScore(lbPrivate)}`)
    })
  submission
    .command('download')
    .summary("download a submission's file")
    .description("Downloads a submission's file and checks it against its digest.")
    .argument('<number>', 'number of the submission', submissionArgument)
    .requiredOption('-o, --out <file>', 'where the file goes')
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton submission download 3 --out submission.csv'))
    .action(async (number: number, options: CommonOptions & { out: string }) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const made = await connection.api.getSubmission({ params: { project, number } })
      await downloadSubmission(io, connection.api, made, options.out)
      if (options.json) printJson(io, made)
      else io.out(options.out)
    })
}

const submissionArgument = numberArgument({ min: 1, max: 0x7fff_ffff, isWhole: true })
