import { AppError } from '@baton/contracts'
import type { Client, Fold } from '@baton/contracts'

/**
 * An experiment's folds, or the one of them that is asked for.
 * @throws {AppError} `not-found`, naming the folds that there are
 */
export async function foldsOf(
  api: Client,
  params: { project: string; version: number },
  index: number | undefined,
): Promise<Fold[]> {
  const { folds } = await api.getExperiment({ params })
  const found = folds.filter((fold) => index === undefined || fold.index === index)
  if (found.length > 0) return found
  const detail = `there is no fold ${index}; the folds are ${folds.map((fold) => fold.index).join(', ')}`
  throw new AppError('not-found', {}, { detail })
}
