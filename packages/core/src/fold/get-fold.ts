import { AppError } from '@baton/contracts'
import type { Fold } from '@baton/contracts'
import type { Tables } from '../store.ts'

/** @throws {AppError} `not-found` */
export async function getFold({ store }: { store: Pick<Tables, 'folds'> }, id: string): Promise<Fold> {
  const fold = await store.folds.get(id)
  if (fold === null) throw new AppError('not-found', { fold: id })
  return fold
}
