import { AppError, assertNever } from '@baton/contracts'
import type { MetricSpec } from '@baton/contracts'
import { bestByExpectedFbeta } from './expected-fbeta.ts'

/** A label group's columns [start, end); `labelRanges` of contracts gives them. */
export interface LabelRange {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** What of a metric decides which labels a sample is given. */
export type GivingSpec = Pick<MetricSpec, 'beta' | 'threshold' | 'minLabels' | 'maxLabels' | 'labelsOf'>

/**
 * Writes the columns of a row's `k` highest values into `top`, highest first, ties by the lower column.
 * @returns How many were written: `k`, or all columns if there are fewer.
 */
export function topColumns(row: Float32Array, k: number, top: Int32Array): number {
  let count = 0
  for (let column = 0; column < row.length; column++) {
    const value = row[column]!
    if (count === k && !(value > row[top[count - 1]!]!)) continue
    let low = 0
    let high = count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (row[top[middle]!]! >= value) low = middle + 1
      else high = middle
    }
    if (low >= k) continue
    top.copyWithin(low + 1, low, Math.min(count, k - 1))
    top[low] = column
    count = Math.min(count + 1, k)
  }
  return count
}

/** What a row may be given: the first `certain` of `columns` in any case, the others where they are above a threshold. */
export interface RowChoice {
  /** Overwritten by the next row; `count` of them count. */
  readonly columns: Int32Array
  readonly count: number
  readonly certain: number
  /** Thresholds are of the row's values divided by this. */
  readonly scale: number
}

/** Whether limits of label groups are in the way of a row's plain order. */
function hasGroupLimits({ labelsOf }: GivingSpec): boolean {
  return Object.keys(labelsOf).length > 0
}

/**
 * Which labels a row may be given, highest first, ties by the lower column; at most K_max. Of a label group with limits
 * no more than its `max` highest may be given; its `min` highest are, so they come before all others.
 *
 * The first K_min are certain; under `expected-fbeta` certain is what is given, and nothing else may be.
 *
 * @returns Takes a row, and what its thresholds are multiplied by: 1 where that is left out.
 * @throws {AppError} `spec-invalid` for limits of a group that there is not
 */
export function rowChooser(
  ranges: readonly LabelRange[],
  giving: GivingSpec,
): (row: Float32Array, factor?: number) => RowChoice {
  const order = hasGroupLimits(giving) ? groupedOrder(ranges, giving) : plainOrder(ranges, giving)
  const { threshold, minLabels, beta } = giving
  return (row, factor = 1) => {
    const { columns, count, certain: forced } = order(row)
    const certain = Math.min(count, Math.max(minLabels, forced))
    switch (threshold) {
      case 'global':
      case 'grouped':
      case 'distance':
      case 'count-matched':
      case 'none':
        return { columns, count, certain, scale: factor }
      case 'max-over-k':
        return { columns, count, certain, scale: (highest(row) || 1) * factor }
      case 'expected-fbeta': {
        const given = bestByExpectedFbeta(row, columns.subarray(0, count), certain, beta)
        return { columns, count: given, certain: given, scale: factor }
      }
      default:
        return assertNever(threshold)
    }
  }
}

function highest(row: Float32Array): number {
  let most = 0
  for (const value of row) if (value > most) most = value
  return most
}

type Order = (row: Float32Array) => Omit<RowChoice, 'scale'>

function plainOrder(ranges: readonly LabelRange[], { maxLabels }: GivingSpec): Order {
  const columns = new Int32Array(Math.min(maxLabels, ranges.at(-1)!.end))
  return (row) => ({ columns, count: topColumns(row, columns.length, columns), certain: 0 })
}

function groupedOrder(ranges: readonly LabelRange[], { maxLabels, labelsOf }: GivingSpec): Order {
  const unknown = Object.keys(labelsOf).find((name) => !ranges.some((range) => range.name === name))
  if (unknown !== undefined) throw unknownGroup(unknown, ranges)
  const columns = new Int32Array(Math.min(maxLabels, ranges.at(-1)!.end))
  const groups = ranges.map(({ name, start, end }) => {
    const { min, max } = labelsOf[name] ?? { min: 0, max: maxLabels }
    return { start, end, min, top: new Int32Array(Math.min(max, maxLabels, end - start)) }
  })
  return (row) => {
    const forced: number[] = []
    const others: number[] = []
    for (const { start, end, min, top } of groups) {
      const count = topColumns(row.subarray(start, end), top.length, top)
      for (let place = 0; place < count; place++) (place < min ? forced : others).push(start + top[place]!)
    }
    const byValue = (a: number, b: number) => row[b]! - row[a]! || a - b
    const all = [...forced.sort(byValue), ...others.sort(byValue)].slice(0, columns.length)
    columns.set(all)
    return { columns, count: all.length, certain: forced.length }
  }
}

function unknownGroup(name: string, ranges: readonly LabelRange[]): AppError {
  const detail = `the dataset has no label group "${name}"; its groups are ${ranges.map((range) => range.name).join(', ')}`
  return new AppError('spec-invalid', { group: name }, { detail, faults: [{ pointer: '/metric/labelsOf', detail }] })
}

/** A value on the scale that thresholds are of. */
export function scaled(value: number, scale: number): number {
  return scale === 1 ? value : Math.fround(value / scale)
}
