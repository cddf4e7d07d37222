import type { ColumnName } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import type { Io } from '../io.ts'
import { printBoard } from '../output/board.ts'
import { addBoardOptions, boardQueryOf, firstRows } from './board-options.ts'
import type { BoardOptions } from './board-options.ts'
import { example } from './options.ts'

const shown: readonly ColumnName[] = [
  'version',
  'status',
  'foldsCompleted',
  'foldsTotal',
  'cv',
  'lbPublic',
  'dataset',
  'code',
  'createdAt',
  'name',
]

export function experimentsCommand(program: Command, io: Io): void {
  const command = program
    .command('experiments')
    .summary('list experiments')
    .description("Lists a project's experiments, newest first.")
  addBoardOptions(command, '-version')
    .addHelpText('after', example('baton experiments', 'baton experiments --where "status = running" --json'))
    .action(async (options: BoardOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const names = options.columns ?? shown
      const query = boardQueryOf(options, names)
      const rows = await firstRows(options.limit, (page) =>
        connection.api.listExperiments({ params: { project }, query: { ...query, ...page } }),
      )
      printBoard(io, rows, names, { ...options, empty: emptyText(project, options) })
    })
}

function emptyText(project: string, { where }: BoardOptions): string {
  return where === undefined
    ? `${project} has no experiment yet; start one with \`baton run spec.yaml\``
    : `the filter holds for no experiment of ${project}`
}
