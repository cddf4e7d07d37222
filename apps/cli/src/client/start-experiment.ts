import { randomUUID } from 'node:crypto'
import { cellLabel } from '@baton/contracts'
import type { CallOptions, Client, Experiment, MatrixSpec } from '@baton/contracts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count, printable } from '../output/text.ts'
import { finishWatching } from './finish-watching.ts'
import { retrying } from './retry.ts'

/** Options of the commands that start an experiment. */
export interface StartOptions {
  readonly watch?: boolean
  readonly json?: boolean
  readonly idempotencyKey?: string
}

/**
 * Starts an experiment and says so, or watches it to its end. While the API is away it tries again under the same key,
 * so that it is started once.
 *
 * @throws {Exit} with 3 when it was watched and failed or was cancelled
 */
export async function startExperiment(
  io: Io,
  api: Client,
  options: StartOptions,
  start: (call: CallOptions) => Promise<Experiment>,
): Promise<void> {
  const started = await startOnce(io, options, start)
  const { project, version, folds } = started
  if (!options.json) io.out(`${project} #${version} queued with ${count(folds.length, 'fold')}`)
  if (options.watch) await finishWatching(io, api, { project, version }, options)
  else if (options.json) printJson(io, started)
  else io.err(`\`baton show ${version} --watch\` shows how it goes`)
}

/** Starts all experiments of a matrix likewise, and says which they are. */
export async function startMatrix(
  io: Io,
  api: Client,
  project: string,
  spec: MatrixSpec,
  options: StartOptions,
): Promise<void> {
  const matrix = await startOnce(io, options, (call) => api.createMatrix({ params: { project }, body: spec }, call))
  if (options.json) return printJson(io, matrix)
  const { version, cells } = matrix
  io.out(`${project} #${version} to #${cells.at(-1)!.version} queued: ${count(cells.length, 'experiment')}`)
  for (const cell of cells) io.out(printable(`  #${cell.version}  ${cellLabel(cell.values)}`))
  io.err(`\`baton matrix ${version}\` shows how they compare`)
}

/** Asks for it under one key, again while the API is away. */
export function startOnce<T>(io: Io, options: StartOptions, start: (call: CallOptions) => Promise<T>): Promise<T> {
  const idempotencyKey = options.idempotencyKey ?? randomUUID()
  return retrying(() => start({ idempotencyKey }), {
    onRetry: (problem) => io.err(`${problem.message}; trying again`),
  })
}
