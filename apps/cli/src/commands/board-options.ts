import { parseColumns } from '@baton/contracts'
import type { ColumnName } from '@baton/contracts'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { boardHelp } from '../output/board.ts'
import { jsonOption, numberArgument, projectOption } from './options.ts'
import type { CommonOptions } from './options.ts'

/** Options of the commands that list experiments. */
export interface BoardOptions extends CommonOptions {
  readonly where?: string
  readonly sort?: string
  readonly columns?: ColumnName[]
  readonly limit: number
  readonly csv?: boolean
}

export function addBoardOptions(command: Command, sortDefault: string): Command {
  return command
    .option('-w, --where <filter>', 'only those that the filter holds for')
    .option('-s, --sort <columns>', `the order (default ${sortDefault})`)
    .option('-c, --columns <columns>', 'what is shown of each', columnsArgument)
    .option('-n, --limit <rows>', 'rows at most', numberArgument({ min: 1, max: 100_000, isWhole: true }), 100)
    .addOption(projectOption())
    .addOption(jsonOption())
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .addHelpText('after', boardHelp)
}

function columnsArgument(text: string): ColumnName[] {
  try {
    return parseColumns(text)
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** Most rows that one answer has. */
const pageRows = 200

/** The first rows of a list, page by page. */
export async function firstRows<Row>(
  limit: number,
  read: (page: { cursor?: string; limit: number }) => Promise<{ items: Row[]; nextCursor: string | null }>,
): Promise<Row[]> {
  const rows: Row[] = []
  let cursor: string | null = null
  do {
    const page = await read({ limit: Math.min(pageRows, limit - rows.length), ...(cursor === null ? {} : { cursor }) })
    rows.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null && rows.length < limit)
  return rows
}

/** What the API is asked for. */
export function boardQueryOf(
  { where, sort }: Pick<BoardOptions, 'where' | 'sort'>,
  names: readonly (ColumnName | 'rank')[],
): { where?: string; sort?: string; fields: string } {
  return {
    ...(where === undefined ? {} : { where }),
    ...(sort === undefined ? {} : { sort }),
    fields: names.join(','),
  }
}
