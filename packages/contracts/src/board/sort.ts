import { AppError } from '../problems.ts'
import { isColumn, unknownColumn } from './columns.ts'
import type { ColumnName } from './columns.ts'

export interface SortKey {
  readonly column: ColumnName
  readonly descending: boolean
}

/** More say nothing that a person could see. */
const keysMax = 4

/**
 * An order written as `-cv,version`: columns, the first weighs most, `-` before one that descends. What has no value
 * stands last either way. Ends with `version`, so that no two experiments are equal in it.
 *
 * @throws {AppError} `request-invalid`, naming what is wrong
 */
export function parseSort(text: string): SortKey[] {
  const keys = text.split(',').map((part, i) => keyOf(part.trim(), i))
  if (keys.length > keysMax) throw wrong(`has ${keys.length} columns; sort by at most ${keysMax}`)
  keys.forEach(({ column }, i) => {
    if (keys.findIndex((other) => other.column === column) !== i) throw wrong(`names ${column} twice`)
  })
  // Nothing after a version decides anything.
  const end = keys.findIndex(({ column }) => column === 'version')
  return end === -1 ? [...keys, { column: 'version', descending: false }] : keys.slice(0, end + 1)
}

function keyOf(part: string, i: number): SortKey {
  const descending = part.startsWith('-')
  const column = descending ? part.slice(1) : part
  if (!isColumn(column)) throw wrong(`${unknownColumn(column)} (column ${i + 1} of the order)`)
  return { column, descending }
}

function wrong(detail: string): AppError {
  return new AppError('request-invalid', {}, { detail: `/sort ${detail}`, faults: [{ pointer: '/sort', detail }] })
}
