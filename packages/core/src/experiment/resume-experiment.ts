import type { Experiment } from '@baton/contracts'
import { queueOffers } from '../lease/queue-offers.ts'
import { emit } from '../notification/emit.ts'
import type { Store, Tables } from '../store.ts'
import { getExperiment } from './get-experiment.ts'
import { assertOpen, lockExperiment } from './lock-experiment.ts'

/**
 * Resumes a paused experiment: its folds are offered at once, each from its newest checkpoint; one that waits after a
 * failure is offered when its wait is over. A session that was told to pause and has not let go keeps its fold, or hands
 * it over to the next. Resuming one that is not paused changes nothing.
 *
 * @throws {AppError} `not-found`; `conflict` when the experiment is final or being assembled
 */
export async function resumeExperiment(
  { store }: { store: Store },
  input: { project: string; version: number },
): Promise<Experiment> {
  const { id } = await getExperiment({ store }, input)
  await store.transaction((tables) => resumeIn(tables, id))
  return getExperiment({ store }, input)
}

/** The same in the caller's transaction. @throws {AppError} `conflict` */
export async function resumeIn(tables: Tables, id: string): Promise<void> {
  const experiment = await lockExperiment(tables, id)
  assertOpen(experiment)
  if (experiment.status !== 'paused') return
  await queueOffers(tables, await tables.folds.resumeAll(id))
  const hasBegun = experiment.folds.some((fold) => fold.attempts > 0)
  await tables.experiments.setStatus(id, hasBegun ? 'running' : 'queued')
  await emit(tables, id, { kind: 'experiment-resumed' })
}
