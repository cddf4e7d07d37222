import type { Client, ColumnName } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printBoard } from '../output/board.ts'
import { addBoardOptions, boardQueryOf, firstRows } from './board-options.ts'
import type { BoardOptions } from './board-options.ts'
import { example } from './options.ts'

const shown: readonly ColumnName[] = [
  'version',
  'cv',
  'cvLow',
  'cvHigh',
  'cvMean',
  'cvStd',
  'lbPublic',
  'lbPrivate',
  'gap',
  'gpuHours',
  'attempts',
  'interruptions',
  'dataset',
  'code',
  'name',
]

export function leaderboardCommand(program: Command, io: Io): void {
  const command = program
    .command('leaderboard')
    .summary('list completed experiments, best CV first')
    .description('Lists completed experiments, best CV first: CV, LB, what they cost and what interrupted them.')
  addBoardOptions(command, '-cv')
    .addHelpText('after', example('baton leaderboard', 'baton leaderboard --where "gap < 0.01" --sort -lbPublic'))
    .action(async (options: BoardOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      await printLeaderboard(io, connection.api, { ...options, project })
    })
}

/** Prints a project's completed experiments, best CV first where no order is asked for. */
export async function printLeaderboard(
  io: Io,
  api: Client,
  { project, limit, ...options }: Omit<BoardOptions, 'project'> & { project: string },
): Promise<void> {
  const names = ['rank' as const, ...(options.columns ?? shown)]
  const query = boardQueryOf(options, names)
  const rows = await firstRows(limit, (page) =>
    api.getLeaderboard({ params: { project }, query: { ...query, ...page } }),
  )
  const empty =
    options.where === undefined
      ? `no experiment of ${project} has completed yet; \`baton experiments\` lists all`
      : `the filter holds for no completed experiment of ${project}`
  printBoard(io, rows, names, { ...options, empty })
}
