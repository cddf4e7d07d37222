import { AppError, labelColumns, labelRanges, labelsOf, ofLabelGroups } from '@baton/contracts'
import type { DatasetManifest, MetricSpec, SubmissionOptions } from '@baton/contracts'
import { binarise } from '@baton/evaluation'
import { decode } from '@baton/safetensors'
import { readManifest } from '../project/create-dataset-version.ts'

export interface RenderSubmissionInput {
  /** The dataset's manifest as it is stored. */
  readonly manifest: Uint8Array
  /** An experiment's assembled test predictions as they are stored: `sample`, `rank` or `probability`, `threshold`. */
  readonly predictions: Uint8Array
  readonly metric: MetricSpec
  /** Label groups that are predicted; null: all. */
  readonly labels: readonly string[] | null
  readonly options: SubmissionOptions
}

export interface RenderedSubmission {
  /** CSV in UTF-8, a line for each test sample in the manifest's order. */
  readonly csv: Uint8Array
  readonly rows: number
  /** What the predictions were cut at, by label group. */
  readonly thresholds: Readonly<Record<string, number>>
}

/** Rows are put together in pieces of so many: one string of a large file would be longer than strings may be. */
const rowsAtOnce = 4096

/**
 * Writes a submission's file: what the experiment's labels for each test sample are, at the thresholds that were
 * searched on OOF but for those that the options name.
 *
 * @throws {AppError} `predictions-incomplete` when the predictions do not fit the dataset; `conflict` when labels are
 *   joined by name and a name has a space in it, so that nobody could take them apart again
 */
export function renderSubmission(input: RenderSubmissionInput): RenderedSubmission {
  const whole = readManifest(input.manifest)
  const manifest = ofLabelGroups(whole, input.labels)
  const { sample, value, threshold } = readEnsemble(manifest, input.predictions)
  const ranges = labelRanges(manifest)
  const words = wordsOf(whole, input)
  const asked = new Map(Object.entries(input.options.thresholds))
  const cuts = Array.from(threshold, (searched, group) => asked.get(ranges[group]!.name) ?? searched)
  const pieces = [Buffer.from(csvLine([input.options.idColumn, input.options.labelsColumn]))]
  for (let start = 0; start < sample.length; start += rowsAtOnce) {
    const some = sample.subarray(start, start + rowsAtOnce)
    const given = binarise(
      value.subarray(start * words.length, (start + some.length) * words.length),
      ranges,
      cuts,
      input.metric,
    )
    const lines = Array.from(some, (index, row) => {
      const labels = words.filter((_, column) => given[row * words.length + column] === 1)
      return csvLine([manifest.samples[index]!.id, labels.join(' ')])
    })
    pieces.push(Buffer.from(lines.join('')))
  }
  const thresholds = Object.fromEntries(cuts.map((cut, group) => [ranges[group]!.name, cut]))
  return { csv: Buffer.concat(pieces), rows: sample.length, thresholds }
}

/** What stands in a row for each label that is predicted: its name, or its place among the dataset's. */
function wordsOf(
  manifest: DatasetManifest,
  { labels: groups, options }: Pick<RenderSubmissionInput, 'labels' | 'options'>,
): string[] {
  const columns = labelColumns(manifest, groups)
  if (options.labelForm === 'index') return columns.map(String)
  const all = labelsOf(manifest)
  const labels = columns.map((column) => all[column]!)
  const spaced = labels.find((label) => /\s/.test(label))
  if (spaced !== undefined)
    throw new AppError(
      'conflict',
      { label: spaced },
      { detail: `the label "${spaced}" has a space in it, and names are joined by spaces; use labelForm index` },
    )
  return labels
}

function readEnsemble(manifest: DatasetManifest, bytes: Uint8Array) {
  const { tensors } = decode(bytes)
  const sample = tensors.get('sample')?.data
  const value = (tensors.get('rank') ?? tensors.get('probability'))?.data
  const threshold = tensors.get('threshold')?.data
  const fits =
    sample instanceof Int32Array &&
    value instanceof Float32Array &&
    threshold instanceof Float32Array &&
    value.length === sample.length * labelsOf(manifest).length &&
    [0, manifest.labelGroups.length].includes(threshold.length) &&
    sample.every((index) => manifest.samples[index]?.split === 'test')
  if (!fits)
    throw new AppError('predictions-incomplete', {}, { detail: 'the test predictions are not those of this dataset' })
  return { sample, value, threshold }
}

/** RFC 4180, with line feeds alone. Not `csvRecord`: what it does to text for spreadsheets would be another id here. */
function csvLine(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\n`
}
