import type { Client } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printList } from '../output/print.ts'
import { formatScore, formatSeconds, shortDigest } from '../output/text.ts'
import { example, jsonOption, numberArgument, projectOption } from './options.ts'
import type { CommonOptions } from './options.ts'

export function leaderboardCommand(program: Command, io: Io): void {
  program
    .command('leaderboard')
    .summary('list completed experiments, best CV first')
    .description('Lists completed experiments, best CV first: code version, CV, LB, and what interruptions there were.')
    .option('--limit <rows>', 'rows at most', numberArgument({ min: 1, max: 1000, isWhole: true }), 100)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addHelpText('after', example('baton leaderboard', 'baton leaderboard --project imet --limit 10'))
    .action(async (options: CommonOptions & { limit: number }) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      await printLeaderboard(io, connection.api, { project, limit: options.limit, json: options.json })
    })
}

/** Prints a project's completed experiments, best CV first. */
export async function printLeaderboard(
  io: Io,
  api: Client,
  { project, limit, json }: { project: string; limit: number; json?: boolean | undefined },
): Promise<void> {
  const { items } = await api.getLeaderboard({ params: { project }, query: { limit } })
  printList(io, items, {
    json,
    empty: `no experiment of ${project} has completed yet; \`baton experiments\` lists all`,
    columns: [
      { title: 'rank', value: ({ rank }) => rank, align: 'right' },
      { title: 'version', value: ({ version }) => version, align: 'right' },
      { title: 'CV', value: ({ cv }) => formatScore(cv), align: 'right' },
      { title: 'folds', value: ({ cvMean, cvStd }) => `${formatScore(cvMean)} ± ${formatScore(cvStd)}` },
      { title: 'LB public', value: ({ lbPublic }) => formatScore(lbPublic), align: 'right' },
      { title: 'LB private', value: ({ lbPrivate }) => formatScore(lbPrivate), align: 'right' },
      { title: 'attempts', value: ({ attempts }) => attempts, align: 'right' },
      { title: 'interruptions', value: ({ interruptions }) => interruptions, align: 'right' },
      { title: 'session time', value: ({ sessionSeconds }) => formatSeconds(sessionSeconds), align: 'right' },
      { title: 'dataset', value: ({ dataset }) => dataset },
      { title: 'code', value: ({ code }) => shortDigest(code) },
      { title: 'name', value: ({ name }) => name },
    ],
  })
}
