import { basename, extname } from 'node:path'
import { isAppError, nearest, parseOrThrow, Sample, Split } from '@baton/contracts'
import type { Fault } from '@baton/contracts'
import { z } from 'zod'
import { invalidInput, reasonOf } from './fault.ts'
import { parseCsv, readText } from './read-text.ts'
import type { CsvRow } from './read-text.ts'
import type { LabelRef } from './vocabulary.ts'

/** A sample as its row describes it. */
export interface LabelRow {
  /** File and row, for faults: a line number in CSV and JSON lines, an entry's number from 1 in a JSON list. */
  readonly at: string
  readonly id: string
  /** Name of the picture; null: found by the id. */
  readonly file: string | null
  readonly labels: readonly LabelRef[]
  readonly group: string | null
  readonly split: Split
  /** The fold that validates it, 0-based; null: the file does not say. */
  readonly fold: number | null
}

/** The rows that can be read, and what is wrong with the others. */
export interface LabelRows {
  readonly rows: LabelRow[]
  readonly faults: Fault[]
}

/**
 * The rows of a label file: CSV with a header, a JSON list, or JSON lines, by the name's ending.
 *
 * @param groupNames Label groups that are known: a CSV column of that name holds the labels of that group.
 * @throws {AppError} `dataset-input-invalid` when the file as a whole makes no sense
 */
export async function readLabels(path: string, groupNames: readonly string[]): Promise<LabelRows> {
  const fileName = basename(path)
  const text = await readText(path)
  switch (extname(path).toLowerCase()) {
    case '.csv':
      return csvRows(text, fileName, groupNames)
    case '.json':
      return jsonRows(jsonEntries(text, fileName), fileName)
    case '.jsonl':
    case '.ndjson':
      return jsonLines(text, fileName)
    default:
      throw invalidInput([{ pointer: fileName, detail: 'its kind is not known; name it .csv, .json or .jsonl' }])
  }
}

const idColumns = ['id', 'file']
/** `attribute_ids` is what Kaggle's iMet calls it. */
const labelColumns = ['labels', 'attribute_ids']
const otherColumns = ['group', 'split', 'fold']

function csvRows(text: string, fileName: string, groupNames: readonly string[]): LabelRows {
  const { columns, rows } = parseCsv(text, fileName)
  const known = [...idColumns, ...labelColumns, ...otherColumns, ...groupNames]
  const faults = headerFaults(columns, known, groupNames).map((detail) => ({ pointer: `${fileName}:1`, detail }))
  if (faults.length > 0) throw invalidInput(faults)
  const read = rows.map((row) => csvRow(row, `${fileName}:${row.line}`, groupNames))
  return collect(read)
}

function headerFaults(columns: readonly string[], known: readonly string[], groupNames: readonly string[]): string[] {
  const unknown = columns.filter((column) => !known.includes(column))
  const labels = [...labelColumns, ...groupNames]
  return [
    ...unknown.map((column) => {
      const meant = nearest(column, known)
      return `column "${column}" is not known; ${meant === undefined ? `remove it; known: ${known.join(', ')}` : `did you mean "${meant}"?`}`
    }),
    ...columns
      .filter((column, i) => columns.indexOf(column) !== i)
      .map((column) => `column "${column}" stands there twice`),
    ...(columns.some((column) => idColumns.includes(column)) ? [] : ['there is no column "id" or "file"; add one']),
    ...(columns.some((column) => labels.includes(column))
      ? []
      : [`there is no labels column; add one of: ${labels.join(', ')}`]),
  ]
}

function csvRow({ cells }: CsvRow, at: string, groupNames: readonly string[]): LabelRow | Fault[] {
  const cell = (column: string) => cells.get(column) ?? ''
  const words = (column: string) => cell(column).split(/\s+/).filter(Boolean)
  const labels = [
    ...labelColumns.flatMap((column) => words(column).map((text) => ({ group: null, text }))),
    ...groupNames.flatMap((group) => words(group).map((text) => ({ group, text }))),
  ]
  const written = {
    id: cell('id'),
    file: cell('file'),
    group: cell('group'),
    split: cell('split') || 'train',
    fold: cell('fold'),
  }
  return toRow({ ...written, labels }, at)
}

const JsonRow = z.strictObject({
  id: z.string().default(''),
  file: z.string().default(''),
  labels: z
    .union([z.array(z.string()), z.record(z.string(), z.array(z.string()))], {
      error: 'must be a list of labels, or an object with a list for each label group',
    })
    .optional(),
  group: z.string().nullable().default(null),
  split: Split.default('train'),
  fold: z.int().nullable().default(null),
})

function jsonRows(entries: readonly unknown[], fileName: string): LabelRows {
  return collect(entries.map((entry, i) => jsonRow(entry, `${fileName}:${i + 1}`)))
}

function jsonLines(text: string, fileName: string): LabelRows {
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  return collect(
    lines.flatMap((line, i) => {
      if (line.trim() === '') return []
      const at = `${fileName}:${i + 1}`
      const entry = parseJson(line)
      return ['fault' in entry ? [{ pointer: at, detail: entry.fault }] : jsonRow(entry.value, at)]
    }),
  )
}

function jsonEntries(text: string, fileName: string): unknown[] {
  const entry = parseJson(text.replace(/^\uFEFF/, ''))
  if ('fault' in entry) throw invalidInput([{ pointer: fileName, detail: entry.fault }])
  if (Array.isArray(entry.value) && entry.value.length > 0) return entry.value
  throw invalidInput([{ pointer: fileName, detail: 'it must be a list with an entry for every sample' }])
}

function parseJson(text: string): { value: unknown } | { fault: string } {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    const hint = /[[:,\s]NaN\b/.test(text) ? '; NaN is not JSON: leave the value out' : ''
    return { fault: `it is not JSON: ${reasonOf(error)}${hint}` }
  }
}

function jsonRow(entry: unknown, at: string): LabelRow | Fault[] {
  try {
    const row = parseOrThrow(JsonRow, entry, 'dataset-input-invalid')
    if (row.labels === undefined && row.split === 'train')
      return [{ pointer: at, detail: 'labels is missing; give a list, [] for a sample without labels' }]
    return toRow({ ...row, labels: refsOf(row.labels ?? []), fold: String(row.fold ?? '') }, at)
  } catch (error) {
    if (!isAppError(error)) throw error
    return error.faults.map(({ pointer, detail }) => ({ pointer: at, detail: `${pointer.slice(1)} ${detail}`.trim() }))
  }
}

function refsOf(labels: readonly string[] | Record<string, string[]>): LabelRef[] {
  return Array.isArray(labels)
    ? (labels as string[]).map((text) => ({ group: null, text }))
    : Object.entries(labels as Record<string, string[]>).flatMap(([group, texts]) =>
        texts.map((text) => ({ group, text })),
      )
}

interface Written {
  readonly id: string
  readonly file: string
  readonly group: string | null
  readonly split: string
  readonly fold: string
  readonly labels: readonly LabelRef[]
}

function toRow(written: Written, at: string): LabelRow | Fault[] {
  const { id, file, group, labels } = written
  const split = Split.safeParse(written.split)
  const faults = [
    ...(id === '' && file === '' ? ['it has neither id nor file; give one'] : []),
    ...[id, file, group ?? '', written.split, ...labels.map((ref) => ref.text)].filter(isNaNText).map(() => nanRemedy),
    ...[wordFault(id), wordFault(file), wordFault(group ?? ''), pathFault(id), pathFault(file)].filter(
      (detail) => detail !== undefined,
    ),
    ...(split.success || isNaNText(written.split)
      ? []
      : [`split "${written.split}" is not known; write train or test`]),
    ...foldFaults(written),
    ...(split.data === 'test' && labels.length > 0 ? ['a test sample must not carry labels; leave them empty'] : []),
  ]
  if (faults.length > 0 || !split.success) return faults.map((detail) => ({ pointer: at, detail }))
  const name = id || file.replace(/\.[^./]+$/, '')
  const fold = written.fold === '' ? null : Number(written.fold)
  return { at, id: name, file: file || null, labels, group: group === '' ? null : group, split: split.data, fold }
}

function foldFaults({ fold, split }: Written): string[] {
  if (fold === '') return []
  if (!Sample.shape.fold.safeParse(/^\d+$/.test(fold) ? Number(fold) : NaN).success)
    return [`fold "${fold.slice(0, 40)}" is none; write a whole number from 0 to 49`]
  return split === 'test' ? ['a test sample is of no fold; leave it empty'] : []
}

const nanRemedy = 'it holds NaN where a value was lost; leave the cell empty or restore the value'

function isNaNText(text: string): boolean {
  return text === 'NaN' || text === 'nan'
}

/** Why a sample, a picture or a group must not be called so. */
export function wordFault(word: string): string | undefined {
  if (word.length > 200) return `"${word.slice(0, 40)}…" is longer than 200 characters; shorten it`
  // A line break or NUL would break every list that ids are written to later.
  if (/[\u0000-\u001f\u007f]/.test(word)) return `${JSON.stringify(word)} holds a control character; take it out`
  return undefined
}

function pathFault(name: string): string | undefined {
  const leadsOut = /^([/\\]|[a-z]:[/\\])/i.test(name) || name.split(/[/\\]/).includes('..')
  return leadsOut ? `"${name}" leads out of the image folder; name pictures from that folder on` : undefined
}

function collect(read: readonly (LabelRow | Fault[])[]): LabelRows {
  return {
    rows: read.filter((row): row is LabelRow => !Array.isArray(row)),
    faults: read.filter((row): row is Fault[] => Array.isArray(row)).flat(),
  }
}
