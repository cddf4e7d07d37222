import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { scoreLine } from '../output/experiment-lines.ts'
import { printJson } from '../output/print.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

interface LbOptions extends CommonOptions {
  readonly public?: Given
  readonly private?: Given
}

/** A score, or the word that takes one back: Commander has no null. */
type Given = number | 'none'
const score = numberArgument()
const scoreArgument = (text: string): Given => (text === 'none' ? text : score(text))
const valueOf = (given: Given): number | null => (given === 'none' ? null : given)

export function lbCommand(program: Command, io: Io): void {
  const lb = program.command('lb').description("LB: a submission's public and private score.")
  lb.command('set')
    .summary('record leaderboard scores by hand')
    .description('Records the public and private score of a submission; what is not named stays as it is.')
    .argument('<version>', 'number of the experiment', versionArgument)
    .option('--public <score>', 'public score, or none', scoreArgument)
    .option('--private <score>', 'private score, or none', scoreArgument)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton lb set 41 --public 0.6512', 'baton lb set 41 --private none'))
    .action(async (version: number, options: LbOptions) => {
      if (options.public === undefined && options.private === undefined)
        throw new UsageError('give --public, --private or both')
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const body = {
        ...(options.public === undefined ? {} : { lbPublic: valueOf(options.public) }),
        ...(options.private === undefined ? {} : { lbPrivate: valueOf(options.private) }),
      }
      const params = { project, version }
      // Whatever they are now: only what is named here changes.
      await connection.api.recordLb({ params, body }, { ifMatch: '*' })
      const experiment = await connection.api.getExperiment({ params })
      if (options.json) printJson(io, experiment)
      else io.out(`${project} #${version}: ${scoreLine(experiment)}`)
    })
}
