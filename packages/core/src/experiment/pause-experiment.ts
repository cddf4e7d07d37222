import type { Experiment } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { Store, Tables } from '../store.ts'
import { getExperiment } from './get-experiment.ts'
import { assertOpen, lockExperiment } from './lock-experiment.ts'

/**
 * Pauses an experiment: no fold of it is leased any more. A session that trains one is told at its next heartbeat, hands
 * over at no lost step and goes on to other folds; one that finishes first has finished. Pausing it again changes
 * nothing.
 *
 * @throws {AppError} `not-found`; `conflict` when the experiment is final or being assembled
 */
export async function pauseExperiment(
  { store }: { store: Store },
  input: { project: string; version: number },
): Promise<Experiment> {
  const { id } = await getExperiment({ store }, input)
  await store.transaction((tables) => pauseIn(tables, id))
  return getExperiment({ store }, input)
}

/** The same in the caller's transaction. @throws {AppError} `conflict` */
export async function pauseIn(tables: Tables, id: string): Promise<void> {
  const experiment = await lockExperiment(tables, id)
  assertOpen(experiment)
  if (experiment.status === 'paused') return
  await tables.folds.pauseAll(id)
  await tables.experiments.setStatus(id, 'paused')
  await emit(tables, id, { kind: 'experiment-paused' })
}
