import { columnNames, columns, csvRecord } from '@baton/contracts'
import type { ColumnName, LeaderboardRow } from '@baton/contracts'
import type { Io } from '../io.ts'
import { printList } from './print.ts'
import type { Column } from './table.ts'
import { formatScore } from './text.ts'

/** A row of the leaderboard, or of the list of experiments, which has no ranks. */
type BoardRow = Omit<LeaderboardRow, 'rank'> & { rank?: number }

/** Prints experiments under the names that filters and orders know their columns by. */
export function printBoard(
  io: Io,
  rows: readonly BoardRow[],
  names: readonly (ColumnName | 'rank')[],
  { json, csv, empty }: { json?: boolean | undefined; csv?: boolean | undefined; empty: string },
): void {
  if (csv) {
    const lines = [names, ...rows.map((row) => names.map((name) => row[name]))]
    io.out(lines.map(csvRecord).join('').trimEnd())
  } else printList(io, rows, { json, empty, columns: names.map(columnOf) })
}

function columnOf(name: ColumnName | 'rank'): Column<BoardRow> {
  const type = name === 'rank' ? 'integer' : columns[name].type
  const isNumber = type === 'integer' || type === 'number'
  return {
    title: name,
    value: (row) => shownValue(name, row[name]),
    ...(isNumber ? { align: 'right' } : {}),
  }
}

/** A column's value as a person reads it: scores with four digits, hours with two. */
export function shownValue(
  name: ColumnName | 'rank',
  value: string | number | null | undefined,
): string | number | null {
  if (value === null || value === undefined) return null
  const isFraction = name !== 'rank' && columns[name].type === 'number' && typeof value === 'number'
  if (!isFraction) return value
  return name === 'gpuHours' || name === 'sessionHours' ? value.toFixed(2) : formatScore(value)
}

/** What `--help` says of filters, orders and columns. */
export const boardHelp = `
A filter compares columns, and values of the spec by their path:
  --where "cv > 0.6 AND (model = 'resnet' OR spec.stages.0.schedule.lr <= 0.01)"
  --where "status IN (running, queued) AND createdAt >= 2026-11-01"   --where "name ~ 'warm' AND cv != 0.5..0.6"
An order names columns, - before one that descends: --sort -cv,version
Columns: ${columnNames.join(', ')}`
