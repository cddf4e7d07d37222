import { copyFile, link, mkdir, open, rename } from 'node:fs/promises'
import path from 'node:path'
import type { CheckpointFileName, CheckpointManifest } from '@baton/contracts'
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
  /** Parts of the stage that it leaves as they are, on disk already; absent where it changes everything. */
  readonly frozen: Frozen
  /** Weights of the best evaluation, on disk already. */
  readonly best: BestWeights | null
}

/** What a stage leaves as it is: the same files for all its checkpoints. */
export interface Frozen {
  readonly weights?: LocalFile
  readonly optimizer?: LocalFile
}

/** Weights of an evaluation. */
export interface BestWeights {
  readonly file: LocalFile
  /** Those that the stage of the evaluation left as they were; null: `file` has all. */
  readonly frozen: LocalFile | null
}

/**
 * Writes a checkpoint to the folder `dir`, which appears with everything in it, flushed to disk, or not at all.
 *
 * What is on disk already is linked, not written again. The folder shares nothing else with others: it may be removed at any time.
 */
export async function saveCheckpoint(
  dir: string,
  { manifest, weights, optimizer, frozen, best }: CheckpointContent,
): Promise<SavedCheckpoint> {
  const beside = `${dir}.part`
  await mkdir(beside, { recursive: true })
  const fileAt = (name: string) => path.join(beside, `${name}.safetensors`)
  const files: CheckpointManifest['files'] = []
  const add = (name: CheckpointFileName, { digest, sizeBytes }: LocalFile) => files.push({ name, digest, sizeBytes })
  const addLinked = async (name: CheckpointFileName, file: LocalFile | null | undefined) => {
    if (!file) return
    // Some mounted folders know no links.
    await link(file.path, fileAt(name)).catch(() => copyFile(file.path, fileAt(name)))
    add(name, file)
  }
  add('weights', await writeTensors(fileAt('weights'), weights))
  await addLinked('frozen-weights', frozen.weights)
  add('optimizer', await writeTensors(fileAt('optimizer'), optimizer))
  await addLinked('frozen-optimizer', frozen.optimizer)
  await addLinked('best', best?.file)
  await addLinked('frozen-best', best?.frozen)
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
