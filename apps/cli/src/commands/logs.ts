import { setTimeout } from 'node:timers/promises'
import { AppError, isFinal } from '@baton/contracts'
import type { Client, Fold, StoredLogLine } from '@baton/contracts'
import type { Command } from 'commander'
import { chooseProject, connect } from '../client/connect.ts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { paint } from '../output/paint.ts'
import { printableLines } from '../output/text.ts'
import { example, jsonOption, numberArgument, projectOption, versionArgument } from './options.ts'
import type { CommonOptions } from './options.ts'

interface LogsOptions extends CommonOptions {
  readonly follow?: boolean
}

const pollMs = 1000
const linesAtOnce = 1000

export function logsCommand(program: Command, io: Io): void {
  program
    .command('logs')
    .summary("print folds' log lines")
    .description("Prints the log lines of an experiment's folds, or of one of them.")
    .argument('<version>', 'number of the experiment', versionArgument)
    .argument('[fold]', 'fold, 0-based (default all)', numberArgument({ min: 0, isWhole: true }))
    .option('-f, --follow', 'go on until the folds are final')
    .addOption(projectOption())
    .addOption(jsonOption().default(undefined, 'one object a line'))
    .addHelpText('after', example('baton logs 41 2', 'baton logs -f 41'))
    .action(async (version: number, fold: number | undefined, options: LogsOptions) => {
      const connection = await connect(io)
      const project = await chooseProject(connection, options.project)
      const read = async (signal?: AbortSignal) => {
        const params = { project, version }
        const { folds } = await connection.api.getExperiment({ params }, signal ? { signal } : {})
        return chosen(folds, fold)
      }
      await (options.follow
        ? follow(io, connection.api, read, options)
        : printAll(io, connection.api, await read(), options))
    })
}

function chosen(folds: readonly Fold[], index: number | undefined): Fold[] {
  const found = folds.filter((fold) => index === undefined || fold.index === index)
  if (found.length > 0) return found
  const detail = `there is no fold ${index}; the folds are ${folds.map((fold) => fold.index).join(', ')}`
  throw new AppError('not-found', {}, { detail })
}

type Printed = Map<string, number>

/** Prints what there is beyond `printed` (the last line's id of each fold), oldest first within a fold. */
async function printAll(
  io: Io,
  api: Client,
  folds: readonly Fold[],
  options: LogsOptions,
  printed: Printed = new Map<string, number>(),
): Promise<void> {
  for (const { id, index } of folds) {
    for (;;) {
      const query = { after: printed.get(id) ?? 0, limit: linesAtOnce }
      const { items } = await api.listLogs({ params: { fold: id }, query })
      for (const line of items) for (const text of logLines(io, index, line, options)) io.out(text)
      const last = items.at(-1)
      if (last) printed.set(id, last.id)
      if (items.length < linesAtOnce) break
    }
  }
}

async function follow(
  io: Io,
  api: Client,
  read: (signal: AbortSignal) => Promise<Fold[]>,
  options: LogsOptions,
): Promise<void> {
  const signal = io.stopSignal()
  const printed: Printed = new Map()
  try {
    for (;;) {
      const folds = await read(signal)
      await printAll(io, api, folds, options, printed)
      if (folds.every(({ status }) => isFinal(status))) return
      await setTimeout(pollMs, undefined, { signal })
    }
  } catch (error) {
    throw signal.aborted ? new Exit(exitCodes.interrupted) : error
  }
}

function logLines(io: Io, fold: number, line: StoredLogLine, { json }: LogsOptions): string[] {
  if (json) return [JSON.stringify({ fold, ...line })]
  const prefix = paint(io, 'dim', `${line.at.slice(11, 19)} fold ${fold}.${line.attempt}`)
  const text = printableLines(line.text)
  return line.level === 'info'
    ? text.map((part) => `${prefix}  ${part}`)
    : text.map((part) => `${prefix}  ${paint(io, line.level === 'error' ? 'red' : 'yellow', `${line.level}: ${part}`)}`)
}
