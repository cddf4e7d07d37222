import { copyFile, link, mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'
import type { CheckpointManifest } from '@baton/contracts'
import type { Tensors } from '@baton/safetensors'
import { writeTensors } from './write-tensors.ts'
import type { LocalFile } from './write-tensors.ts'

/** A checkpoint that lies whole on disk, in a folder of its own. */
export interface SavedCheckpoint {
  readonly manifest: CheckpointManifest
  readonly dir: string
  readonly manifestPath: string
  /** Path of each of the manifest's files, by its name there. */
  readonly files: Readonly<Record<string, string>>
}

export interface CheckpointContent {
  readonly manifest: Omit<CheckpointManifest, 'files'>
  readonly weights: Tensors
  readonly optimizer: Tensors
  /** Weights of the best evaluation, on disk already. */
  readonly best: LocalFile | null
}

/**
 * Writes a checkpoint to the folder `dir`, which appears with everything in it, flushed to disk, or not at all.
 *
 * The best weights are linked, not written again. The folder shares nothing else with others: it may be removed at any time.
 */
export async function saveCheckpoint(
  dir: string,
  { manifest, weights, optimizer, best }: CheckpointContent,
): Promise<SavedCheckpoint> {
  const beside = `${dir}.part`
  await mkdir(beside, { recursive: true })
  const fileAt = (name: string) => path.join(beside, `${name}.safetensors`)
  const files: CheckpointManifest['files'] = []
  const add = (name: 'weights' | 'optimizer' | 'best', { digest, sizeBytes }: LocalFile) =>
    files.push({ name, digest, sizeBytes })
  add('weights', await writeTensors(fileAt('weights'), weights))
  add('optimizer', await writeTensors(fileAt('optimizer'), optimizer))
  if (best) {
    // Some mounted folders know no links.
    await link(best.path, fileAt('best')).catch(() => copyFile(best.path, fileAt('best')))
    add('best', best)
  }
  const whole: CheckpointManifest = { ...manifest, files }
  await writeFlushed(path.join(beside, 'manifest.json'), JSON.stringify(whole))
  await flushFolder(beside)
  await rename(beside, dir)
  await flushFolder(path.dirname(dir))
  return {
    manifest: whole,
    dir,
    manifestPath: path.join(dir, 'manifest.json'),
    files: Object.fromEntries(files.map(({ name }) => [name, path.join(dir, `${name}.safetensors`)])),
  }
}

async function writeFlushed(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes the names in a folder last: a rename alone may be forgotten by a machine that loses power. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
