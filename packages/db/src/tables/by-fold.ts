import type { StreamItem } from '@baton/contracts'

/** Items by their folds, in the order they came. */
export function byFold<T>(items: readonly (StreamItem<T> & { foldId: string })[]): Map<string, StreamItem<T>[]> {
  const folds = new Map<string, StreamItem<T>[]>()
  for (const { foldId, place, data } of items) {
    const fold = folds.get(foldId) ?? []
    fold.push({ place, data })
    folds.set(foldId, fold)
  }
  return folds
}
