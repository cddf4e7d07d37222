import { basename } from 'node:path'
import type { Fault, LabelGroup } from '@baton/contracts'
import { invalidInput } from './fault.ts'
import { findImages } from './find-images.ts'
import type { ImageFile } from './find-images.ts'
import type { ImportOptions } from './options.ts'
import { readLabels, wordFault } from './read-labels.ts'
import type { LabelRow } from './read-labels.ts'
import { inferVocabulary, readVocabulary, toList, vocabularyOf } from './vocabulary.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A row, the picture it is about, and its labels as ascending indices into all groups laid end to end. */
export interface Matched {
  readonly row: LabelRow
  readonly image: ImageFile
  readonly labels: number[]
}

export interface MatchedRows {
  /** Sorted by sample id. */
  readonly matched: Matched[]
  readonly labelGroups: LabelGroup[]
  /** Pictures that no row names. */
  readonly unusedImages: number
}

/**
 * Joins rows, labels and pictures. No picture is opened yet.
 *
 * @throws {AppError} `dataset-input-invalid` with everything that is wrong with rows, labels and names
 */
export async function matchRows(options: ImportOptions): Promise<MatchedRows> {
  const given = await givenVocabulary(options.vocabulary)
  const read = await readLabels(options.labels, given?.labelGroups.map((group) => group.name) ?? [])
  const found = await findImages(options.images)
  const test = options.testImages === undefined ? { files: [], faults: [] } : await findImages(options.testImages)
  const imageOf = imageFinder(found.files)
  const pairs = [
    ...read.rows.map((row) => ({ row, image: imageOf(row) })),
    ...test.files.map((image) => ({ row: testRow(image), image })),
  ]
  const rows = pairs.map(({ row }) => row)
  refuseAny(
    [read.faults, found.faults, test.faults, test.files.flatMap(nameFaults), pairs.flatMap(imageFaults)],
    [duplicateFaults(rows), groupFaults(rows), rows.flatMap((row) => (given ? lookUp(row, given).faults : []))],
    // Where rows are at fault themselves, that no other is a train sample says nothing.
    [read.faults.length > 0 ? [] : trainFaults(rows, basename(options.labels))],
  )
  const refs = rows.flatMap((row) => row.labels)
  const vocabulary = given ?? inferVocabulary(refs, basename(options.labels))
  const matched = pairs
    .flatMap(({ row, image }) => ('path' in image ? [{ row, image, labels: lookUp(row, vocabulary).indices }] : []))
    .sort((a, b) => (a.row.id < b.row.id ? -1 : 1))
  const used = new Set(matched.map(({ image }) => image))
  const unusedImages = found.files.filter((file) => !used.has(file)).length
  return { matched, labelGroups: vocabulary.labelGroups, unusedImages }
}

function refuseAny(...kinds: Fault[][][]): void {
  const faults = kinds.flat(2)
  if (faults.length > 0) throw invalidInput(faults)
}

async function givenVocabulary(vocabulary: ImportOptions['vocabulary']): Promise<Vocabulary | undefined> {
  if (vocabulary === undefined) return undefined
  return typeof vocabulary === 'string' ? readVocabulary(vocabulary) : vocabularyOf(toList(vocabulary), 'vocabulary')
}

const stemOf = (name: string) => name.replace(/\.[^./]+$/, '')

function testRow({ name }: ImageFile): LabelRow {
  return { at: name, id: stemOf(name), file: name, labels: [], group: null, split: 'test', fold: null }
}

function nameFaults({ name }: ImageFile): Fault[] {
  const detail = wordFault(name)
  return detail === undefined ? [] : [{ pointer: name, detail }]
}

/** Finds a row's picture: by its file name, or by its id, with or without the ending. */
function imageFinder(files: readonly ImageFile[]): (row: LabelRow) => ImageFile | { detail: string } {
  const byName = new Map<string, ImageFile[]>()
  const put = (name: string, file: ImageFile) => byName.set(name, [...(byName.get(name) ?? []), file])
  for (const file of files) {
    put(file.name, file)
    if (stemOf(file.name) !== file.name) put(stemOf(file.name), file)
  }
  return ({ id, file }) => {
    const name = file ?? id
    const candidates = byName.get(name) ?? []
    const exact = candidates.filter((candidate) => candidate.name === name)
    const [image, other] = exact.length > 0 ? exact : file === null ? candidates : []
    if (image === undefined) return { detail: `there is no picture "${name}"; add it or remove the row` }
    if (other === undefined) return image
    return { detail: `"${name}" may be ${image.path} or ${other.path}; name one in a file column, or remove one` }
  }
}

function imageFaults({ row, image }: { row: LabelRow; image: ImageFile | { detail: string } }): Fault[] {
  return 'detail' in image ? [{ pointer: row.at, detail: image.detail }] : []
}

function lookUp(row: LabelRow, vocabulary: Vocabulary): { indices: number[]; faults: Fault[] } {
  const looked = row.labels.map((ref) => vocabulary.indexOf(ref))
  const indices = looked.flatMap((label) => ('index' in label ? [label.index] : []))
  const faults = looked.flatMap((label) => ('detail' in label ? [{ pointer: row.at, detail: label.detail }] : []))
  return { indices: [...new Set(indices)].sort((a, b) => a - b), faults }
}

function duplicateFaults(rows: readonly LabelRow[]): Fault[] {
  const first = new Map<string, LabelRow>()
  return rows.flatMap((row) => {
    const earlier = first.get(row.id)
    if (earlier === undefined) first.set(row.id, row)
    return earlier === undefined
      ? []
      : [{ pointer: row.at, detail: `id "${row.id}" stands already at ${earlier.at}; keep one of them` }]
  })
}

function groupFaults(rows: readonly LabelRow[]): Fault[] {
  const first = new Map<string, LabelRow>()
  return rows.flatMap((row) => {
    if (row.group === null) return []
    const earlier = first.get(row.group)
    if (earlier === undefined) first.set(row.group, row)
    if (earlier === undefined || (earlier.split === row.split && earlier.fold === row.fold)) return []
    const detail =
      earlier.split === row.split
        ? `group "${row.group}" is in ${earlier.fold === null ? 'no fold' : `fold ${earlier.fold}`} at ${earlier.at}; keep a group within one fold`
        : `group "${row.group}" is in ${earlier.split} at ${earlier.at}; keep a group within one split`
    return [{ pointer: row.at, detail }]
  })
}

function trainFaults(rows: readonly LabelRow[], labelFile: string): Fault[] {
  if (rows.some((row) => row.split === 'train')) return []
  return [{ pointer: labelFile, detail: 'no row is a train sample; there is nothing to train on' }]
}
