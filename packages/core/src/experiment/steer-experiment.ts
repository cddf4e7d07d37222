import { AppError, isFinal } from '@baton/contracts'
import type { ExperimentRecord, Tables } from '../store.ts'

/**
 * The experiment, locked with all of its folds that are not final: nobody leases one, lets go of one or opens another
 * until the transaction ends.
 *
 * The folds come first, as everybody locks them: an experiment held while its folds are waited for is a deadlock.
 */
export async function steerExperiment(tables: Tables, id: string): Promise<ExperimentRecord> {
  await tables.experiments.steer(id)
  await tables.folds.lockOpen(id)
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
