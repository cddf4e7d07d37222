import type { Client } from '@baton/contracts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { experimentLines } from '../output/experiment-lines.ts'
import { printJson } from '../output/print.ts'
import { watchExperiment } from './watch-experiment.ts'
import type { Watched } from './watch-experiment.ts'

/**
 * Watches an experiment to its end and prints how it ended.
 *
 * @throws {Exit} with 3 when it failed or was cancelled
 */
export async function finishWatching(
  io: Io,
  api: Client,
  watched: Watched,
  { json }: { json?: boolean | undefined },
): Promise<void> {
  const experiment = await watchExperiment(io, api, watched, json ? io.err : io.out)
  if (json) printJson(io, experiment)
  else for (const line of ['', ...experimentLines(experiment)]) io.out(line)
  if (experiment.status !== 'completed') throw new Exit(exitCodes.experimentFailed)
}
