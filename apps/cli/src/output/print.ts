import type { Io } from '../io.ts'
import { tableLines } from './table.ts'
import type { Column } from './table.ts'

export function printJson(io: Io, value: unknown): void {
  io.out(JSON.stringify(value, null, 2))
}

/** Prints a list as JSON, as a table, or as the words that say why it is empty and what to do. */
export function printList<Row>(
  io: Io,
  rows: readonly Row[],
  { json, columns, empty }: { json?: boolean | undefined; columns: readonly Column<Row>[]; empty: string },
): void {
  if (json) printJson(io, rows)
  else if (rows.length === 0) io.err(empty)
  else for (const line of tableLines(rows, columns)) io.out(line)
}
