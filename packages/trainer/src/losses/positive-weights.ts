import type { LossSpec } from '@baton/contracts'
import { AppError } from '@baton/contracts'

/** Where a label group stands among the labels: columns [start, end). */
export interface LabelColumns {
  readonly name: string
  readonly start: number
  readonly end: number
}

/**
 * The weight of every label's positive terms, or one number where all are equal.
 *
 * @param columns Of all label groups, in order.
 * @throws {AppError} `spec-invalid`, when a list does not have one weight a label, or a label group is not there
 */
export function positiveWeights(
  given: Extract<LossSpec, { name: 'bce' }>['positiveWeight'],
  columns: readonly LabelColumns[],
): number | number[] {
  if (typeof given === 'number') return given
  const count = columns.at(-1)!.end
  if (Array.isArray(given)) {
    if (given.length === count) return given
    throw invalid(`positiveWeight lists ${given.length} weights; the dataset has ${count} labels`)
  }
  const names = columns.map(({ name }) => name)
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw invalid(`positiveWeight names the label group ${unknown}; the dataset has ${names.join(', ')}`)
  return columns.flatMap(({ name, start, end }) => Array.from({ length: end - start }, () => given[name] ?? 1))
}

function invalid(detail: string): AppError {
  return new AppError('spec-invalid', {}, { detail })
}
