import { AppError, isFinal } from '@baton/contracts'
import type { Experiment } from '@baton/contracts'
import { emit } from '../notification/emit.ts'
import type { Store } from '../store.ts'
import { getExperiment } from './get-experiment.ts'

/**
 * Cancels an experiment. Waiting folds are cancelled at once; a session that trains one is told at its next
 * heartbeat, and its fold is cancelled when it lets go. Scores of folds that finished stay.
 *
 * @throws {AppError} `not-found`; `conflict` when the experiment is final or being assembled
 */
export async function cancelExperiment(
  { store }: { store: Store },
  input: { project: string; version: number },
): Promise<Experiment> {
  const { id } = await getExperiment({ store }, input)
  await store.transaction(async (tables) => {
    // The folds first, as everybody locks them: an experiment held while its folds are waited for is a deadlock.
    await tables.folds.cancelAll(id)
    const experiment = (await tables.experiments.find(id, { lock: true }))!
    if (isFinal(experiment.status) || experiment.status === 'assembling')
      throw new AppError(
        'conflict',
        { status: experiment.status },
        { detail: `the experiment is ${experiment.status}` },
      )
    await tables.experiments.setStatus(id, 'cancelled')
    await emit(tables, id, { kind: 'experiment-cancelled' })
  })
  return getExperiment({ store }, input)
}
