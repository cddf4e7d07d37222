import { randomUUID } from 'node:crypto'
import type { CallOptions, Client, Experiment } from '@baton/contracts'
import type { Io } from '../io.ts'
import { printJson } from '../output/print.ts'
import { count } from '../output/text.ts'
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
  const idempotencyKey = options.idempotencyKey ?? randomUUID()
  const started = await retrying(() => start({ idempotencyKey }), {
    onRetry: (problem) => io.err(`${problem.message}; trying again`),
  })
  const { project, version, folds } = started
  if (!options.json) io.out(`${project} #${version} queued with ${count(folds.length, 'fold')}`)
  if (options.watch) await finishWatching(io, api, { project, version }, options)
  else if (options.json) printJson(io, started)
  else io.err(`\`baton show ${version} --watch\` shows how it goes`)
}
