import { assertNever } from '@baton/contracts'
import type { DatasetManifest, FoldsSpec, SplitFacts } from '@baton/contracts'

/** What is wrong with a split, by the field of `folds`. */
export interface SplitFault {
  readonly field: 'split' | 'count'
  readonly detail: string
}

/** What a dataset's folds can be split by. */
export function splitFactsOf({ samples }: Pick<DatasetManifest, 'samples'>): SplitFacts {
  const train = samples.filter(({ split }) => split === 'train')
  const groups = new Set(train.flatMap(({ group }) => group ?? []))
  const alone = train.filter(({ group }) => group === null).length
  const folds = train.flatMap(({ fold }) => fold ?? [])
  const isColumn = folds.length === train.length && folds.length > 0
  const last = folds.reduce((most, fold) => Math.max(most, fold), 0)
  const foldSizes = isColumn ? new Array<number>(last + 1).fill(0) : []
  if (isColumn) for (const fold of folds) foldSizes[fold]!++
  return { groups: groups.size, units: groups.size + alone, foldSizes }
}

/** Why a dataset cannot be split so; null: nothing speaks against it. */
export function splitFault(
  { groups, units, foldSizes }: SplitFacts,
  { count, split }: Pick<FoldsSpec, 'count' | 'split'>,
): SplitFault | null {
  switch (split) {
    case 'column':
      return columnFault(foldSizes, count)
    case 'grouped':
      if (groups === 0)
        return {
          field: 'split',
          detail: 'the dataset has no groups; import it with a column group, or choose another split',
        }
      return tooFew(units, count)
    case 'stratified':
    case 'greedy':
    case 'random':
      return tooFew(units, count)
    default:
      return assertNever(split)
  }
}

function tooFew(units: number, count: number): SplitFault | null {
  if (units >= count) return null
  const detail = `${count} folds want as many train samples or groups of them, and the dataset has ${units}; give count ${units} at most`
  return { field: 'count', detail }
}

function columnFault(foldSizes: readonly number[], count: number): SplitFault | null {
  if (foldSizes.length === 0) {
    const detail =
      'the dataset does not say of which fold each train sample is; import it with a column fold, or choose another split'
    return { field: 'split', detail }
  }
  if (foldSizes.length !== count) {
    const detail = `the dataset's column has folds 0 to ${foldSizes.length - 1}; give count ${foldSizes.length}`
    return { field: 'count', detail }
  }
  const empty = foldSizes.indexOf(0)
  if (empty === -1) return null
  const detail = `the dataset's column has no train sample in fold ${empty}; import it with folds of 0 to ${count - 1}, or choose another split`
  return { field: 'split', detail }
}
