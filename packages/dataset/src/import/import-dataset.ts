import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { AppError, parseManifest } from '@baton/contracts'
import type { DatasetManifest, Fault, Sample } from '@baton/contracts'
import { checkImage } from './check-image.ts'
import type { CheckedImage } from './check-image.ts'
import { invalidInput } from './fault.ts'
import { findImages } from './find-images.ts'
import type { ImageFile } from './find-images.ts'
import { mapLimited } from './map-limited.ts'
import { readLabels, wordFault } from './read-labels.ts'
import type { LabelRow } from './read-labels.ts'
import { placeFiles, shardName, writeShards } from './tar.ts'
import type { ShardFile } from './tar.ts'
import { inferVocabulary, readVocabulary, toList, vocabularyOf } from './vocabulary.ts'
import type { LabelGroups, Vocabulary } from './vocabulary.ts'

/** How far an import is: `draw` the emoji, `check` the pictures, `write` the shards. */
export interface ImportProgress {
  readonly phase: 'draw' | 'check' | 'write'
  readonly done: number
  readonly total: number
}

export interface ImportOptions {
  /** A folder of pictures (with folders in it), or paths of pictures. */
  readonly images: string | readonly string[]
  /** CSV (`id` or `file`; `labels`, `attribute_ids` or a column for each label group; `group`; `split`), or JSON(L). */
  readonly labels: string
  /** A folder whose pictures are all test samples, as a competition gives them: they need no row. */
  readonly testImages?: string
  /** Label groups, or a YAML, JSON or CSV file of them; without it, the labels that the rows use. */
  readonly vocabulary?: string | LabelGroups
  /** Where the pictures come from and under which licence. */
  readonly licences?: readonly string[]
  /** The folder to make: `manifest.json` and its shards. Must not exist, or be empty. */
  readonly out: string
  readonly onProgress?: (progress: ImportProgress) => void
}

export interface ImportedDataset {
  readonly folder: string
  readonly manifest: DatasetManifest
  /** SHA-256 of `manifest.json`. */
  readonly manifestDigest: string
  /** Paths of the shards, in the order of `manifest.shards`. */
  readonly shards: string[]
  /** Pictures that no row names. */
  readonly unusedImages: number
}

/** A row with the picture it is about. */
interface Matched {
  readonly row: LabelRow
  readonly image: ImageFile
  readonly labels: number[]
}

/**
 * Makes a dataset version's manifest and shards out of pictures and a label file.
 *
 * Equal input gives equal bytes whatever the order of files and rows: samples are sorted by id. Every row and picture
 * is read and decoded before anything is written, and all that is wrong is said at once. The folder appears whole or
 * not at all.
 *
 * @throws {AppError} `dataset-input-invalid` with a fault for each bad row or file; `already-exists`
 */
export async function importDataset(options: ImportOptions): Promise<ImportedDataset> {
  await refuseOccupied(options.out)
  const { matched, vocabulary, unusedImages } = await matchRows(options)
  const checked = await checkAll(matched, options)
  const { labelGroups } = vocabulary
  const content = { labelGroups, licences: [...(options.licences ?? [])] }
  return { ...(await writeDataset(matched, checked, content, options)), unusedImages }
}

async function refuseOccupied(out: string): Promise<void> {
  const names = await readdir(out).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new AppError('already-exists', { path: out }, { detail: `${out} is not a folder`, cause: error })
  })
  if (names.length > 0)
    throw new AppError(
      'already-exists',
      { path: out },
      { detail: `${out} is not empty; remove it or name another folder` },
    )
}

/** Joins rows, labels and pictures, sorted by sample id. */
async function matchRows(options: ImportOptions) {
  const given = await givenVocabulary(options.vocabulary)
  const read = await readLabels(options.labels, given?.labelGroups.map((group) => group.name) ?? [])
  const found = await findImages(options.images)
  const test = options.testImages === undefined ? { files: [], faults: [] } : await findImages(options.testImages)
  const faults: Fault[] = [...read.faults, ...found.faults, ...test.faults]

  const testRows = test.files.map((file) => ({ row: testRow(file), image: file }))
  faults.push(...test.files.flatMap(nameFaults))
  const rows = [...read.rows, ...testRows.map(({ row }) => row)]
  faults.push(...duplicateFaults(rows), ...groupFaults(rows))
  if (!read.rows.some((row) => row.split === 'train') && read.faults.length === 0)
    faults.push({ pointer: basename(options.labels), detail: 'no row is a train sample; there is nothing to train on' })

  const vocabulary =
    given ??
    inferVocabulary(
      read.rows.flatMap((row) => row.labels),
      basename(options.labels),
    )
  const imageOf = imageFinder(found.files)
  const matched: Matched[] = testRows.map((test) => ({ ...test, labels: [] }))
  const used = new Set<ImageFile>()
  for (const row of read.rows) {
    const image = imageOf(row)
    const labels = labelIndices(row, vocabulary)
    if ('detail' in image) faults.push({ pointer: row.at, detail: image.detail })
    else used.add(image)
    faults.push(...labels.faults)
    if (!('detail' in image)) matched.push({ row, image, labels: labels.indices })
  }
  if (faults.length > 0) throw invalidInput(faults)
  matched.sort((a, b) => (a.row.id < b.row.id ? -1 : 1))
  return { matched, vocabulary, unusedImages: found.files.length - used.size }
}

async function givenVocabulary(vocabulary: ImportOptions['vocabulary']): Promise<Vocabulary | undefined> {
  if (vocabulary === undefined) return undefined
  return typeof vocabulary === 'string' ? readVocabulary(vocabulary) : vocabularyOf(toList(vocabulary), 'vocabulary')
}

const stemOf = (name: string) => name.replace(/\.[^./]+$/, '')

function testRow({ name }: ImageFile): LabelRow {
  return { at: name, id: stemOf(name), file: name, labels: [], group: null, split: 'test' }
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

function labelIndices(row: LabelRow, vocabulary: Vocabulary): { indices: number[]; faults: Fault[] } {
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
    if (earlier === undefined || earlier.split === row.split) return []
    const detail = `group "${row.group}" is in ${earlier.split} at ${earlier.at}; keep a group within one split`
    return [{ pointer: row.at, detail }]
  })
}

async function checkAll(matched: readonly Matched[], { onProgress }: ImportOptions): Promise<CheckedImage[]> {
  const faults: Fault[] = []
  const checked: CheckedImage[] = []
  let done = 0
  // Decoding is what takes the time, and each picture is decoded by one core.
  const results = await mapLimited(matched, availableParallelism(), async ({ image }) => {
    const result = await checkImage(image.path)
    onProgress?.({ phase: 'check', done: ++done, total: matched.length })
    return result
  })
  results.forEach((result, i) => {
    const { row, image } = matched[i]!
    if ('detail' in result) faults.push({ pointer: row.at, detail: `${image.name}: ${result.detail}` })
    else checked.push(result)
  })
  if (faults.length > 0) throw invalidInput(faults)
  return checked
}

async function writeDataset(
  matched: readonly Matched[],
  checked: readonly CheckedImage[],
  content: Pick<DatasetManifest, 'labelGroups' | 'licences'>,
  { out, onProgress }: ImportOptions,
): Promise<Omit<ImportedDataset, 'unusedImages'>> {
  const folder = resolve(out)
  const staging = `${folder}.${randomUUID()}.partial`
  const files = matched.map((match, i) => toShardFile(match, checked[i]!))
  const places = placeFiles(files.map((file) => file.length))
  let done = 0
  try {
    await mkdir(staging, { recursive: true })
    const onFile = () => onProgress?.({ phase: 'write', done: ++done, total: files.length })
    const shards = await writeShards(files, places, staging, onFile)
    const samples = matched.map(({ row, labels }, i): Sample => {
      const { id, split, group } = row
      const { digest, length } = checked[i]!
      return { id, split, group, labels, ...places[i]!, length, digest }
    })
    // The faults above are said by row; this holds the door against what they may have missed.
    const manifest = parseManifest({ format: 'baton.dataset/1', ...content, shards, samples })
    const text = JSON.stringify(manifest)
    await writeFile(join(staging, 'manifest.json'), text, { flag: 'wx' })
    await rename(staging, folder)
    const paths = shards.map((_, shard) => join(folder, shardName(shard)))
    return { folder, manifest, manifestDigest: createHash('sha256').update(text).digest('hex'), shards: paths }
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw error
  }
}

/** A member is called by its sample's id where tar can write that, else by its digest. */
function toShardFile({ row, image }: Matched, { digest, length, extension }: CheckedImage): ShardFile {
  const plain = /^[\w.@+-][\w.@+/ -]{0,93}$/.test(row.id)
  return { name: `${plain ? row.id : digest}.${extension}`, path: image.path, length, digest }
}
