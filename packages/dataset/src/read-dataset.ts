import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, parseManifest } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { invalidInput } from './import/fault.ts'
import { shardName } from './import/tar.ts'

/** A dataset folder as `importDataset` leaves it. */
export interface DatasetFolder {
  readonly manifest: DatasetManifest
  /** The bytes of `manifest.json`: what the dataset version is named by. */
  readonly manifestBytes: Buffer
  /** Paths of the shards, in the order of `manifest.shards`. */
  readonly shards: string[]
}

/**
 * Opens a dataset folder for upload: its manifest is sound, and each shard is there in its size.
 *
 * @throws {AppError} `manifest-invalid`; `dataset-input-invalid` naming each shard that is missing or cut
 */
export async function readDataset(folder: string): Promise<DatasetFolder> {
  const manifestBytes = await readFile(join(folder, 'manifest.json')).catch((cause: unknown) => {
    throw new AppError('manifest-invalid', {}, { detail: `there is no manifest.json in ${folder}`, cause })
  })
  const manifest = parseManifest(parseJson(manifestBytes.toString('utf8')))
  const shards = manifest.shards.map((_, shard) => join(folder, shardName(shard)))
  const sizes = await Promise.all(
    shards.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => undefined,
      ),
    ),
  )
  const faults = manifest.shards.flatMap(({ sizeBytes }, shard) => {
    if (sizes[shard] === sizeBytes) return []
    const detail = `it has ${sizes[shard] ?? 'no'} bytes where the manifest says ${sizeBytes}; import the dataset again`
    return [{ pointer: shardName(shard), detail }]
  })
  if (faults.length > 0) throw invalidInput(faults)
  return { manifest, manifestBytes, shards }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('manifest-invalid', {}, { detail: 'manifest.json is not JSON', cause })
  }
}
