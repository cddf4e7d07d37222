import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { AppError, parseManifest } from '@baton/contracts'
import type { DatasetManifest, Sample } from '@baton/contracts'
import { checkImage } from './check-image.ts'
import type { CheckedImage } from './check-image.ts'
import { invalidInput } from './fault.ts'
import { mapLimited } from './map-limited.ts'
import { matchRows } from './match-rows.ts'
import type { Matched } from './match-rows.ts'
import type { ImportOptions } from './options.ts'
import { placeFiles, shardName, writeShards } from './tar.ts'
import type { ShardEntry } from './tar.ts'

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
  const { matched, labelGroups, unusedImages } = await matchRows(options)
  const checked = await checkAll(matched, options)
  const content = { labelGroups, licences: [...(options.licences ?? [])] }
  return { ...(await writeDataset(matched, checked, content, options)), unusedImages }
}

async function refuseOccupied(out: string): Promise<void> {
  const names = await readdir(out).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new AppError('already-exists', { path: out }, { detail: `${out} is not a folder`, cause: error })
  })
  const detail = `${out} is not empty; remove it or name another folder`
  if (names.length > 0) throw new AppError('already-exists', { path: out }, { detail })
}

async function checkAll(matched: readonly Matched[], { onProgress }: ImportOptions): Promise<CheckedImage[]> {
  let done = 0
  // Decoding is what takes the time, and each picture is decoded by one core.
  const results = await mapLimited(matched, availableParallelism(), async ({ image }) => {
    const result = await checkImage(image.path)
    onProgress?.({ phase: 'check', done: ++done, total: matched.length })
    return result
  })
  const faults = results.flatMap((result, i) => {
    const { row, image } = matched[i]!
    return 'detail' in result ? [{ pointer: row.at, detail: `${image.name}: ${result.detail}` }] : []
  })
  if (faults.length > 0) throw invalidInput(faults)
  return results.filter((result) => 'digest' in result)
}

async function writeDataset(
  matched: readonly Matched[],
  checked: readonly CheckedImage[],
  content: Pick<DatasetManifest, 'labelGroups' | 'licences'>,
  { out, onProgress }: ImportOptions,
): Promise<Omit<ImportedDataset, 'unusedImages'>> {
  const folder = resolve(out)
  const staging = `${folder}.${randomUUID()}.partial`
  const files = matched.map((match, i) => toShardEntry(match, checked[i]!))
  const places = placeFiles(files.map((file) => file.length))
  let done = 0
  try {
    await mkdir(staging, { recursive: true })
    const onFile = () => onProgress?.({ phase: 'write', done: ++done, total: files.length })
    const shards = await writeShards(files, places, staging, onFile)
    const samples = matched.map(({ row, labels }, i): Sample => {
      const { id, split, group, fold } = row
      const { digest, length } = checked[i]!
      return { id, split, group, ...(fold === null ? {} : { fold }), labels, ...places[i]!, length, digest }
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
function toShardEntry({ row, image }: Matched, { digest, length, extension }: CheckedImage): ShardEntry {
  const plain = /^[\w.@+-][\w.@+/ -]{0,93}$/.test(row.id)
  return { name: `${plain ? row.id : digest}.${extension}`, path: image.path, length, digest }
}
