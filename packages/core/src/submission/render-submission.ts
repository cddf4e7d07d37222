import { AppError, labelColumns, labelRanges, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { DatasetManifest, MetricSpec, SubmissionOptions } from '@baton/contracts'
import { binarise } from '@baton/evaluation'
import { decode } from '@baton/safetensors'
import { readManifest } from '../project/create-dataset-version.ts'
import { readTemplate } from './read-template.ts'

export interface RenderSubmissionInput {
  /** The dataset's manifest as it is stored. */
  readonly manifest: Uint8Array
  /** An experiment's assembled test predictions as they are stored: `sample`, `rank` or `probability`, `threshold`, `factor`. */
  readonly predictions: Uint8Array
  readonly metric: MetricSpec
  /** Label groups that are predicted; null: all. */
  readonly labels: readonly string[] | null
  readonly options: SubmissionOptions
  /** The sample submission that the options name, as it is stored. */
  readonly template: Uint8Array | null
}

export interface RenderedSubmission {
  /** CSV in UTF-8, a line for each sample of the template, or for each test sample in the manifest's order. */
  readonly csv: Uint8Array
  readonly rows: number
  /** What the predictions were cut at, by label group. */
  readonly thresholds: Readonly<Record<string, number>>
}

/** Rows are put together in pieces of so many: one string of a large file would be longer than strings may be. */
const rowsAtOnce = 4096

/**
 * Writes a submission's file: the labels that each test sample is given, at the thresholds that were searched on OOF but
 * for those that the options name; or a probability a column (of an ensemble by rank, the rank).
 *
 * @throws {AppError} `predictions-incomplete` when the predictions do not fit the dataset; `conflict` when the template
 *   does not, when the experiment gives no labels or does not predict all that the template asks for, or when labels are
 *   joined by name and a name has a space in it, so that nobody could take them apart again
 */
export function renderSubmission(input: RenderSubmissionInput): RenderedSubmission {
  const whole = readManifest(input.manifest)
  const manifest = ofLabelGroups(whole, input.labels)
  const { sample, value, threshold, factor } = readEnsemble(manifest, input.predictions)
  const wanted = wantedOf(input, whole, sample)
  const ranges = labelRanges(manifest)
  const asked = new Map(Object.entries(input.options.thresholds))
  const cuts = Array.from(threshold, (searched, group) => asked.get(ranges[group]!.name) ?? searched)
  const width = labelsOf(manifest).length
  const rowOf = new Map(Array.from(sample, (index, row) => [index, row]))
  const pieces = [Buffer.from(csvLine(wanted.header))]
  for (let start = 0; start < wanted.samples.length; start += rowsAtOnce) {
    const some = wanted.samples.subarray(start, start + rowsAtOnce)
    const table = new Float32Array(some.length * width)
    some.forEach((index, row) => {
      const from = rowOf.get(index)! * width
      table.set(value.subarray(from, from + width), row * width)
    })
    const factors = factor && Float32Array.from(some, (index) => factor[rowOf.get(index)!]!)
    const cellsOf = wanted.cells(table, (rows) => binarise(rows, ranges, cuts, input.metric, factors ?? undefined))
    pieces.push(
      Buffer.from(Array.from(some, (index, row) => csvLine([whole.samples[index]!.id, ...cellsOf(row)])).join('')),
    )
  }
  const isCut = wanted.as === 'labels'
  const thresholds = isCut ? Object.fromEntries(cuts.map((cut, group) => [ranges[group]!.name, cut])) : {}
  return { csv: Buffer.concat(pieces), rows: wanted.samples.length, thresholds }
}

/** What the file is to hold. */
interface Wanted {
  readonly header: readonly string[]
  readonly samples: Int32Array
  readonly as: 'labels' | 'probabilities'
  /** The cells beside the id, by row of some rows of predictions. [rows, labels] */
  readonly cells: (table: Float32Array, give: (table: Float32Array) => Uint8Array) => (row: number) => readonly string[]
}

function wantedOf(input: RenderSubmissionInput, manifest: DatasetManifest, sample: Int32Array): Wanted {
  const { options, template } = input
  const { idColumn, labelsColumn } = options
  const predicted = labelColumns(manifest, input.labels)
  if (template === null) {
    const as = options.as ?? 'labels'
    const words = wordsOf(manifest, predicted, options.labelForm)
    return as === 'labels'
      ? { header: [idColumn, labelsColumn], samples: sample, as, cells: givenLabels(input, words) }
      : {
          header: [idColumn, ...words],
          samples: sample,
          as,
          cells: probabilities(
            predicted.map((_, column) => column),
            predicted.length,
          ),
        }
  }
  const { header, samples, content } = readTemplate(template, manifest, options)
  if (content.as === 'labels')
    return { header, samples, as: 'labels', cells: givenLabels(input, wordsOf(manifest, predicted, content.labelForm)) }
  const columns = content.columns.map((label) => predicted.indexOf(label))
  const missing = content.columns.find((_, i) => columns[i] === -1)
  if (missing !== undefined)
    throw conflict(
      `the experiment does not predict the label "${labelsOf(manifest)[missing]}" that the template asks for`,
    )
  return { header, samples, as: 'probabilities', cells: probabilities(columns, predicted.length) }
}

function conflict(detail: string): AppError {
  return new AppError('conflict', {}, { detail })
}

/** @throws {AppError} `conflict` where none are given, or could not be taken apart */
function givenLabels({ metric }: RenderSubmissionInput, words: readonly string[]): Wanted['cells'] {
  if (metric.threshold === 'none')
    throw conflict('the metric of the experiment has threshold none, so it gives no labels; submit probabilities')
  const spaced = words.find((word) => /\s/.test(word))
  if (spaced !== undefined)
    throw conflict(`the label "${spaced}" has a space in it, and names are joined by spaces; use labelForm index`)
  return (table, give) => {
    const given = give(table)
    return (row) => [words.filter((_, column) => given[row * words.length + column] === 1).join(' ')]
  }
}

/** Seven digits tell any two float32 numbers apart that matter here. @param columns Columns of the table. */
function probabilities(columns: readonly number[], width: number): Wanted['cells'] {
  return (table) => (row) => columns.map((column) => String(Number(table[row * width + column]!.toPrecision(7))))
}

/** What is written for each label that is predicted: its name, or its number among the dataset's. */
function wordsOf(
  manifest: DatasetManifest,
  predicted: readonly number[],
  labelForm: SubmissionOptions['labelForm'],
): string[] {
  if (labelForm === 'index') return predicted.map(String)
  const all = labelsOf(manifest)
  return predicted.map((column) => all[column]!)
}

function readEnsemble(manifest: DatasetManifest, bytes: Uint8Array) {
  const { tensors } = decode(bytes)
  const sample = tensors.get('sample')?.data
  const value = (tensors.get('rank') ?? tensors.get('probability'))?.data
  const threshold = tensors.get('threshold')?.data
  const factor = tensors.get('factor')?.data ?? null
  const fits =
    sample instanceof Int32Array &&
    value instanceof Float32Array &&
    threshold instanceof Float32Array &&
    value.length === sample.length * labelsOf(manifest).length &&
    [0, manifest.labelGroups.length].includes(threshold.length) &&
    (factor === null || (factor instanceof Float32Array && factor.length === sample.length)) &&
    sample.every((index) => manifest.samples[index]?.split === 'test')
  if (!fits)
    throw new AppError('predictions-incomplete', {}, { detail: 'the test predictions are not those of this dataset' })
  return { sample, value, threshold, factor }
}

/** RFC 4180, with line feeds alone. Not `csvRecord`: what it does to text for spreadsheets would be another id here. */
function csvLine(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\n`
}
