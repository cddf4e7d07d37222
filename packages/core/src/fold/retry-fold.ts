import { AppError } from '@baton/contracts'
import type { Fold } from '@baton/contracts'
import { lockExperiment } from '../experiment/lock-experiment.ts'
import { queueOffers } from '../lease/queue-offers.ts'
import { emit } from '../notification/emit.ts'
import type { ExperimentRecord, FoldRecord, Store } from '../store.ts'
import { getFold } from './get-fold.ts'

/**
 * Gives a fold that was given up another chance: it is offered at once, as if it had never failed, from its newest
 * checkpoint or from the beginning. A failed experiment runs again, and is assembled once all of its folds are final; in
 * a paused one the fold waits for the resume.
 *
 * @throws {AppError} `not-found`; `conflict` when the fold has not failed, or its experiment was cancelled
 */
export async function retryFold(
  { store }: { store: Store },
  { foldId, fromStart }: { foldId: string; fromStart: boolean },
): Promise<Fold> {
  await store.transaction(async (tables) => {
    const experimentId = await tables.folds.experimentOf(foldId)
    if (experimentId === null) throw new AppError('not-found', { fold: foldId })
    const experiment = await lockExperiment(tables, experimentId)
    const fold = (await tables.folds.lock(foldId))!
    assertRetriable(experiment, fold)
    const status = experiment.status === 'paused' ? 'paused' : 'ready'
    await tables.folds.reopen(fold, { status, fromStart })
    if (status === 'ready') {
      await tables.experiments.reopen(experimentId)
      // Reopening has raised the offer's number by one.
      await queueOffers(tables, [{ ...fold, offer: fold.offer + 1 }])
    }
    const step = fromStart ? 0 : (fold.checkpoint?.step ?? 0)
    await emit(tables, experimentId, { kind: 'fold-retried', fold: fold.index, step })
  })
  return getFold({ store }, foldId)
}

function assertRetriable(experiment: ExperimentRecord, fold: FoldRecord): void {
  if (experiment.status === 'cancelled')
    throw new AppError(
      'conflict',
      { experiment: 'cancelled' },
      { detail: 'the experiment was cancelled: run it again under a new number' },
    )
  if (fold.status !== 'failed')
    throw new AppError(
      'conflict',
      { status: fold.status },
      { detail: `only a failed fold is retried: this one is ${fold.status}` },
    )
}
