import { AppError, isFinal } from '@baton/contracts'
import type { ExperimentRecord, Tables } from '../store.ts'

/**
 * The experiment, locked with all of its folds: nobody leases one, lets go of one or opens one again until the transaction
 * ends.
 *
 * The folds come first, as everybody locks them: an experiment held while its folds are waited for is a deadlock. The
 * final ones too: who waits for a fold that becomes final meanwhile holds it all the same.
 */
export async function lockExperiment(tables: Tables, id: string): Promise<ExperimentRecord> {
  await tables.folds.lockAll(id)
  return (await tables.experiments.find(id, { lock: true }))!
}

/** @throws {AppError} `conflict` when the experiment is final, or about to be: nothing is left that could stop */
export function assertOpen({ status, folds }: ExperimentRecord): void {
  if (isFinal(status)) throw conflict(status, `the experiment is ${status}`)
  if (folds.every((fold) => isFinal(fold.status))) throw conflict('assembling', 'the experiment is being assembled')
}

function conflict(status: ExperimentRecord['status'], detail: string): AppError {
  return new AppError('conflict', { status }, { detail })
}
