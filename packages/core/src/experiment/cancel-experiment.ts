import type { Experiment } from '@baton/contracts'
import { decideHalving } from '../matrix/halving.ts'
import { emit } from '../notification/emit.ts'
import type { Store, Tables } from '../store.ts'
import { getExperiment } from './get-experiment.ts'
import { assertOpen, lockExperiment } from './lock-experiment.ts'

/**
 * Cancels an experiment. Folds that nobody holds are cancelled at once; a session that trains one is told at its next
 * heartbeat, and its fold is cancelled when it lets go. Scores of folds that finished stay. Cancelling it again changes
 * nothing.
 *
 * @throws {AppError} `not-found`; `conflict` when the experiment has ended otherwise or is being assembled
 */
export async function cancelExperiment(
  { store }: { store: Store },
  input: { project: string; version: number },
): Promise<Experiment> {
  const { id } = await getExperiment({ store }, input)
  await store.transaction((tables) => cancelIn(tables, id))
  // What halving waited for may be nothing but this one.
  const matrix = await store.matrices.halvingOf(id)
  if (matrix) await decideHalving({ store }, matrix.id)
  return getExperiment({ store }, input)
}

/** The same in the caller's transaction. @throws {AppError} `conflict` */
export async function cancelIn(tables: Tables, id: string): Promise<void> {
  const experiment = await lockExperiment(tables, id)
  if (experiment.status === 'cancelled') return
  assertOpen(experiment)
  await tables.folds.cancelAll(id)
  await tables.experiments.setStatus(id, 'cancelled')
  await emit(tables, id, { kind: 'experiment-cancelled' })
}
