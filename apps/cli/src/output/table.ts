import { printable } from './text.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string | number | null
  /** Numbers stand under each other at their ends. */
  readonly align?: 'right'
}

/** Rows under their titles, in columns as wide as what is in them. */
export function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = rows.map((row) => columns.map(({ value }) => printable(String(value(row) ?? '-'))))
  const all = [columns.map(({ title }) => title), ...cells]
  const widths = columns.map((_, i) => Math.max(...all.map((line) => line[i]!.length)))
  return all.map((line) =>
    line
      .map((cell, i) => (columns[i]!.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}
