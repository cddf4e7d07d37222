import { setTimeout } from 'node:timers/promises'
import { isAppError, isFinal } from '@baton/contracts'
import type { Client, Event, Experiment } from '@baton/contracts'
import { Exit, exitCodes } from '../exit.ts'
import type { Io } from '../io.ts'
import { eventLine } from '../output/describe-event.ts'
import { progressDetail } from '../output/experiment-lines.ts'
import { createProgress } from '../output/progress.ts'
import type { Progress } from '../output/progress.ts'

/** Often enough to look alive, seldom enough for many watchers. */
const pollMs = 1000
const eventsAtOnce = 1000

export interface Watched {
  readonly project: string
  readonly version: number
}

/**
 * Shows an experiment's events and its folds' progress until nothing will change any more. While the API is away it
 * waits: the experiment goes on without it.
 *
 * @param print Takes the events' lines.
 * @throws {Exit} when Ctrl-C ended the watching, which leaves the experiment alone
 */
export async function watchExperiment(
  io: Io,
  api: Client,
  { project, version }: Watched,
  print: (line: string) => void,
): Promise<Experiment> {
  const signal = io.stopSignal()
  const progress = createProgress(io, { print })
  const params = { project, version }
  let after = 0
  try {
    for (;;) {
      const experiment = await whileAway(io, signal, () => api.getExperiment({ params }, { signal }))
      // Asked for after the state, so that all events of a final state are among them.
      const events = await whileAway(io, signal, () => eventsAfter(api, params, after, signal))
      for (const event of events) progress.print(eventLine(event))
      after = events.at(-1)?.id ?? after
      showFolds(progress, experiment)
      if (isFinal(experiment.status)) return experiment
      await setTimeout(pollMs, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
    io.err(`stopped watching; ${project} #${version} goes on: \`baton show ${version} --watch\` comes back to it`)
    throw new Exit(exitCodes.interrupted)
  } finally {
    progress.end()
  }
}

async function eventsAfter(api: Client, params: Watched, after: number, signal: AbortSignal): Promise<Event[]> {
  const all: Event[] = []
  for (;;) {
    const query = { after: all.at(-1)?.id ?? after, limit: eventsAtOnce }
    const { items } = await api.listExperimentEvents({ params, query }, { signal })
    all.push(...items)
    if (items.length < eventsAtOnce) return all
  }
}

/** Asks until there is an answer. */
async function whileAway<T>(io: Io, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let isTold = false; ; isTold = true) {
    try {
      return await ask()
    } catch (error) {
      if (!isAppError(error, 'unavailable') || signal.aborted) throw error
      if (!isTold) io.err('Baton does not answer; still trying')
      await setTimeout(pollMs, undefined, { signal })
    }
  }
}

function showFolds(progress: Progress, { folds }: Experiment): void {
  for (const { index, status, progress: at } of folds) {
    const label = `fold ${index}`
    if (status === 'leased' && at) progress.update(label, at.step, at.totalSteps, progressDetail(at))
    else progress.remove(label)
  }
}
