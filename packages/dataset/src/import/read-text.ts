import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse as parseCsvSync } from 'csv-parse/sync'
import { invalidInput, reasonOf } from './fault.ts'

/**
 * A text file, whole.
 * @throws {AppError} `dataset-input-invalid` when it cannot be read, is empty or is not UTF-8
 */
export async function readText(path: string): Promise<string> {
  const refuse = (detail: string) => invalidInput([{ pointer: basename(path), detail }])
  const bytes = await readFile(path).catch((error: unknown) => {
    throw refuse(`it cannot be read: ${reasonOf(error)}`)
  })
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (text.trim() === '') throw refuse('the file is empty; give it a header and a row for every sample')
    return text
  } catch (error) {
    throw error instanceof TypeError ? refuse('it is not UTF-8; save it again in that encoding') : error
  }
}

/** A line of a CSV file by column name, and the number of the line it ends on, the header's being 1. */
export interface CsvRow {
  readonly line: number
  readonly cells: ReadonlyMap<string, string>
}

/**
 * The rows of a CSV file with a header, cells trimmed.
 * @throws {AppError} `dataset-input-invalid` for broken quotes and for every row that is not as long as the header
 */
export function parseCsv(text: string, fileName: string): { columns: string[]; rows: CsvRow[] } {
  const [header, ...records] = csvRecords(text, fileName)
  const columns = header?.record ?? []
  const ragged = records.filter(({ record }) => record.length !== columns.length)
  if (ragged.length > 0)
    throw invalidInput(
      ragged.map(({ record, info }) => ({
        pointer: `${fileName}:${info.lines}`,
        detail: `it has ${record.length} cells and the header ${columns.length}; put cells that hold a comma into quotes`,
      })),
    )
  const rows = records.map(({ record, info }) => ({
    line: info.lines,
    cells: new Map(columns.map((column, i) => [column, record[i]!])),
  }))
  return { columns, rows }
}

interface CsvRecord {
  record: string[]
  info: { lines: number }
}

function csvRecords(text: string, fileName: string): CsvRecord[] {
  const options = { bom: true, trim: true, info: true, relax_column_count: true, skip_empty_lines: true }
  try {
    return parseCsvSync(text, options) as unknown as CsvRecord[]
  } catch (error) {
    const line = (error as { lines?: number }).lines
    const pointer = line === undefined ? fileName : `${fileName}:${line}`
    throw invalidInput([{ pointer, detail: `it is not CSV: ${reasonOf(error)}` }])
  }
}
