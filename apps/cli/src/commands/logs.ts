import type { Client, Fold, LogLine, RouteInput, StoredLogLine } from '@baton/contracts'
import { Option } from 'commander'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { foldsOf } from '../client/folds-of.ts'
import { followLogs } from '../client/follow-logs.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { paint } from '../output/paint.ts'
import { printableLines } from '../output/text.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean
  readonly grep?: string
  readonly level?: LogLine['level']
  readonly tail?: number
}

const linesAtOnce = 1000

export function logsCommand(program: Command, io: Io): void {
  program
    .command('logs')
    .summary("print folds' log lines")
    .description("Prints the log lines of an experiment's folds, or of one of them, oldest first.")
    .argument('<version>', 'number of the experiment', versionArgument)
    .argument('[fold]', 'fold, 0-based (default all)', numberArgument({ min: 0, isWhole: true }))
    .option('-f, --follow', 'go on until the folds are final')
    .option('-g, --grep <text>', 'only lines that have this in them, whatever the case')
    .addOption(new Option('--level <level>', 'only this level and graver ones').choices(['info', 'warn', 'error']))
    .option('-n, --tail <lines>', 'only the last ones', numberArgument({ min: 1, max: 1_000_000, isWhole: true }))
    .addOption(projectOption())
    .addOption(jsonOption().default(undefined, 'one object a line'))
    .addHelpText(
      'after',
      example('baton logs 41 2', 'baton logs -f 41', 'baton logs 41 --grep "loss is nan" --level warn --tail 20'),
    )
    .action(async (version: number, fold: number | undefined, options: LogsOptions) => {
      const { api, ...connection } = await connect(io)
      const project = await chooseProject({ api, ...connection }, options.project)
      const params = { project, version }
      const folds = await foldsOf(api, params, fold)
      const print = (line: StoredLogLine) => logLines(io, line, options).forEach(io.out)
      const printed = await printStored(api, params, fold === undefined ? null : folds[0]!, options, print)
      if (!options.follow) return
      const signal = io.stopSignal()
      const wanted = (line: StoredLogLine) => isWanted(line, options)
      await followLogs(api, { ...params, folds, ...printed, print, wanted, signal }).catch((error: unknown) => {
        throw signal.aborted ? new Exit(exitCodes.interrupted) : error
      })
    })
}

/** Prints what there is. Returns where each fold's lines go on, and where those do of which nothing was printed. */
async function printStored(
  api: Client,
  params: { project: string; version: number },
  only: Fold | null,
  { grep, level, tail }: LogsOptions,
  print: (line: StoredLogLine) => void,
): Promise<{ last: Map<number, number>; start: number }> {
  const last = new Map<number, number>()
  const show = (line: StoredLogLine) => {
    print(line)
    last.set(line.fold, line.id)
  }
  const read = async (query: RouteInput<'listLogs'>['query']) => {
    const filtered = { ...query, q: grep, level }
    return only
      ? api.listLogs({ params: { fold: only.id }, query: filtered })
      : api.listExperimentLogs({ params, query: filtered })
  }
  const lines: StoredLogLine[] = []
  let cursor: string | undefined
  do {
    const limit = Math.min(linesAtOnce, (tail ?? Infinity) - lines.length)
    const page = await read({ cursor, limit, order: tail === undefined ? 'oldest' : 'newest' })
    if (tail === undefined) page.items.forEach(show)
    else lines.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined && (tail === undefined || lines.length < tail))
  lines.reverse().forEach(show)
  return { last, start: lines[0]?.id ?? 0 }
}

const levels = ['info', 'warn', 'error']

/** The same choice as the server makes of stored lines. */
function isWanted({ text, level }: StoredLogLine, options: LogsOptions): boolean {
  return (
    text.toLowerCase().includes((options.grep ?? '').toLowerCase()) &&
    levels.indexOf(level) >= levels.indexOf(options.level ?? 'info')
  )
}

function logLines(io: Io, line: StoredLogLine, { json }: LogsOptions): string[] {
  if (json) return [JSON.stringify(line)]
  const prefix = paint(io, 'dim', `${line.at.slice(11, 19)} fold ${line.fold}.${line.attempt}`)
  const text = printableLines(line.text)
  return line.level === 'info'
    ? text.map((part) => `${prefix}  ${part}`)
    : text.map((part) => `${prefix}  ${paint(io, line.level === 'error' ? 'red' : 'yellow', `${line.level}: ${part}`)}`)
}
