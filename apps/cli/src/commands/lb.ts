import type { Lb } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { UsageError } from '../exit.ts'
import type { Io } from '../io.ts'
import { scoreLine } from '../output/experiment-lines.ts'
import { printJson } from '../output/print.ts'
import { example, givenOf, jsonOption, numberArgument, orNone, projectOption, versionArgument } from './options.ts'
import type { CommonOptions, OrNone } from './options.ts'

/** LB as options. */
export interface ScoreOptions extends CommonOptions {
  readonly public?: OrNone
  readonly private?: OrNone
}

export function addScoreOptions(command: Command): Command {
  const score = orNone(numberArgument())
  return command
    .option('--public <score>', 'public score, or none', score)
    .option('--private <score>', 'private score, or none', score)
}

/** @throws {UsageError} when neither was given */
export function scoresOf(options: ScoreOptions): Partial<Lb> {
  const scores = givenOf({ lbPublic: options.public, lbPrivate: options.private })
  if (Object.keys(scores).length === 0) throw new UsageError('give --public, --private or both')
  return scores
}

export function lbCommand(program: Command, io: Io): void {
  const lb = program.command('lb').description("LB: a submission's public and private score.")
  const set = lb
    .command('set')
    .summary('record leaderboard scores by hand')
    .description(
      'Records scores of what was submitted elsewhere; what is not named stays as it is.\n' +
        'Where a submission has a public score, LB is that of the best one: see `baton submission score`.',
    )
    .argument('<version>', 'number of the experiment', versionArgument)
  addScoreOptions(set)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton lb set 41 --public 0.6512', 'baton lb set 41 --private none'))
    .action(async (version: number, options: ScoreOptions) => {
      const body = scoresOf(options)
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const params = { project, version }
      // Whatever they are now: only what is named here changes.
      await connection.api.recordLb({ params, body }, { ifMatch: '*' })
      const experiment = await connection.api.getExperiment({ params })
      if (options.json) printJson(io, experiment)
      else io.out(`${project} #${version}: ${scoreLine(experiment)}`)
    })
}
