import { AppError, labelsOf } from '@baton/contracts'
import type { DatasetManifest, SubmissionOptions } from '@baton/contracts'
import { parse } from 'csv-parse/sync'

/** What a competition's sample submission asks for. */
export interface Template {
  readonly header: readonly string[]
  /** The test sample of each row, an index in the manifest. */
  readonly samples: Int32Array
  /**
   * What stands beside the id: labels, by name or by their number; or a probability a column, and for each of these
   * columns the number of its label.
   */
  readonly content:
    | { readonly as: 'labels'; readonly labelForm: SubmissionOptions['labelForm'] }
    | { readonly as: 'probabilities'; readonly columns: readonly number[] }
}

interface Row {
  readonly line: number
  readonly cells: readonly string[]
}

/**
 * Reads a sample submission: its header, which samples it wants in which order, and how it writes labels. The first
 * column is the id. Two columns are taken for labels, joined by spaces; more for probabilities, one a label. Labels are
 * named, or numbered over all label groups laid end to end: whichever all of them are, a name first.
 *
 * @throws {AppError} `conflict` that names the line, where it is no CSV, or names what the dataset does not have
 */
export function readTemplate(bytes: Uint8Array, manifest: DatasetManifest, options: SubmissionOptions): Template {
  const [header, ...rows] = recordsOf(bytes)
  if (header === undefined || header.cells.length < 2)
    throw refuse(1, 'it needs a header of an id column and at least one more')
  for (const { line, cells } of rows)
    if (cells.length !== header.cells.length)
      throw refuse(line, `it has ${cells.length} cells and the header ${header.cells.length}`)
  const as = options.as ?? (header.cells.length === 2 ? 'labels' : 'probabilities')
  const words = wordsOf(manifest)
  return {
    header: header.cells,
    samples: samplesOf(rows, manifest),
    content:
      as === 'labels'
        ? { as, labelForm: labelFormOf(header, rows, words, options) }
        : { as, columns: columnsOf(header, words) },
  }
}

function refuse(line: number, detail: string): AppError {
  return new AppError('conflict', { line }, { detail: `the template, line ${line}: ${detail}` })
}

function recordsOf(bytes: Uint8Array): Row[] {
  const options = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const records = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[]
    return records.map(({ record, info }) => ({ line: info.lines, cells: record }))
  } catch (cause) {
    if (cause instanceof TypeError) throw refuse(1, 'it is not UTF-8')
    throw refuse((cause as { lines?: number }).lines ?? 1, 'it is no CSV')
  }
}

function samplesOf(rows: readonly Row[], { samples }: DatasetManifest): Int32Array {
  const indexOf = new Map(samples.map(({ id }, index) => [id, index]))
  const lineOf = new Map<string, number>()
  return Int32Array.from(rows, ({ line, cells: [id = ''] }) => {
    const index = indexOf.get(id)
    if (index === undefined) throw refuse(line, `the dataset has no sample "${id}"`)
    if (samples[index]!.split !== 'test') throw refuse(line, `"${id}" is a train sample of the dataset`)
    const earlier = lineOf.get(id)
    if (earlier !== undefined) throw refuse(line, `"${id}" stands already in line ${earlier}`)
    lineOf.set(id, line)
    return index
  })
}

/** The number of a label by what a template may write for it. */
interface Words {
  readonly byName: ReadonlyMap<string, number>
  readonly count: number
}

function wordsOf(manifest: DatasetManifest): Words {
  const labels = labelsOf(manifest)
  return { byName: new Map(labels.map((label, i) => [label, i])), count: labels.length }
}

function isNumberOf(word: string, { count }: Words): boolean {
  return /^(0|[1-9]\d*)$/.test(word) && Number(word) < count
}

function labelFormOf(
  header: Row,
  rows: readonly Row[],
  words: Words,
  { labelForm }: SubmissionOptions,
): SubmissionOptions['labelForm'] {
  if (header.cells.length !== 2)
    throw refuse(header.line, `labels stand in one column, and it has ${header.cells.length - 1} beside the id`)
  let [isName, isIndex, isAny] = [true, true, false]
  for (const { line, cells } of rows) {
    for (const word of cells[1]!.split(' ').filter(Boolean)) {
      isAny = true
      isName &&= words.byName.has(word)
      isIndex &&= isNumberOf(word, words)
      if (!isName && !isIndex) throw refuse(line, `"${word}" is neither a label of the dataset nor the number of one`)
    }
  }
  if (!isAny) return labelForm
  return isName ? 'name' : 'index'
}

function columnsOf({ line, cells }: Row, words: Words): number[] {
  const labels = cells.slice(1)
  const isIndex = !labels.every((label) => words.byName.has(label)) && labels.every((label) => isNumberOf(label, words))
  const columns = labels.map((label) => {
    const column = isIndex ? Number(label) : words.byName.get(label)
    if (column === undefined)
      throw refuse(line, `the column "${label}" is neither a label of the dataset nor the number of one`)
    return column
  })
  const twice = columns.find((column, i) => columns.indexOf(column) !== i)
  if (twice !== undefined)
    throw refuse(line, `the column of label ${labels[columns.indexOf(twice)]} stands there twice`)
  if (columns.length !== words.count)
    throw refuse(line, `it has columns of ${columns.length} labels, and the dataset has ${words.count}`)
  return columns
}
