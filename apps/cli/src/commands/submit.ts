import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { example, versionArgument } from './options.ts'
import { addFileOptions, makeFile } from './submission-file.ts'
import type { SubmissionFileOptions } from './submission-file.ts'

export function submitCommand(program: Command, io: Io): void {
  const submit = program
    .command('submit')
    .summary("make a submission's file")
    .description(
      'Makes a submission file from the test predictions of a completed experiment, at the thresholds searched on OOF.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
    .option('-o, --out <file>', 'download the file to here')
  addFileOptions(submit)
    .addHelpText('after', example('baton submit 41 --out submission.csv', 'baton submit 41 --threshold tag=0.97'))
    .action((version: number, options: SubmissionFileOptions) => makeFile(io, version, options))
}
