import { setTimeout } from 'node:timers/promises'
import { isAppError, isFinal } from '@baton/contracts'
import type { Client, Experiment } from '@baton/contracts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { eventLine } from '../output/describe-event.ts'
import { progressDetail } from '../output/experiment-lines.ts'
import { createProgress } from '../output/progress.ts'
import type { Progress } from '../output/progress.ts'

/** Steps come with heartbeats, which are further apart than this. */
const progressMs = 3_000
const awayMs = 1_000

export interface Watched {
  readonly project: string
  readonly version: number
}

/**
 * Shows an experiment's events as they happen, and its folds' progress, until nothing will change any more. While the
 * API is away it waits: the experiment goes on without it.
 *
 * @param print Takes the events' lines.
 * @throws {Exit} when Ctrl-C ended the watching, which leaves the experiment alone
 */
export async function watchExperiment(
  io: Io,
  api: Client,
  watched: Watched,
  print: (line: string) => void,
): Promise<Experiment> {
  const stopSignal = io.stopSignal()
  const ended = new AbortController()
  const signal = AbortSignal.any([stopSignal, ended.signal])
  const progress = createProgress(io, { print })
  const showing = showProgress(api, watched, progress, signal)
  try {
    return await printEvents(io, api, watched, progress, signal)
  } catch (error) {
    if (!stopSignal.aborted) throw error
    const { project, version } = watched
    io.err(`stopped watching; ${project} #${version} goes on: \`baton show ${version} --watch\` comes back to it`)
    throw new Exit(exitCodes.interrupted)
  } finally {
    ended.abort()
    await showing
    progress.end()
  }
}

/** Prints every event, from the first to the one that makes the experiment final. */
async function printEvents(
  io: Io,
  api: Client,
  params: Watched,
  progress: Progress,
  signal: AbortSignal,
): Promise<Experiment> {
  const tellAway = tellOnce(io)
  const stream = api.streamExperimentEvents({ params, query: { after: 0 } }, { signal, onRetry: tellAway })
  for await (const { data: event } of stream) {
    progress.print(eventLine(event))
    if (!/^experiment-(completed|failed|cancelled)$/.test(event.payload.kind)) continue
    const experiment = await whileAway(tellAway, signal, () => api.getExperiment({ params }, { signal }))
    if (isFinal(experiment.status)) return experiment
  }
  throw new Error('a stream that is followed does not end')
}

async function showProgress(api: Client, params: Watched, progress: Progress, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // What is wrong for good, the events' stream says.
    const experiment = await api.getExperiment({ params }, { signal }).catch(() => null)
    if (experiment && !signal.aborted) showFolds(progress, experiment)
    await setTimeout(progressMs, undefined, { signal }).catch(() => undefined)
  }
}

/** Asks until there is an answer. */
async function whileAway<T>(tellAway: () => void, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isAppError(error, 'unavailable') || signal.aborted) throw error
      tellAway()
      await setTimeout(awayMs, undefined, { signal })
    }
  }
}

function tellOnce(io: Io): () => void {
  let isTold = false
  return () => {
    if (!isTold) io.err('Baton does not answer; still trying')
    isTold = true
  }
}

function showFolds(progress: Progress, { folds }: Experiment): void {
  for (const { index, status, progress: at } of folds) {
    const label = `fold ${index}`
    if (status === 'leased' && at) progress.update(label, at.step, at.totalSteps, progressDetail(at))
    else progress.remove(label)
  }
}
