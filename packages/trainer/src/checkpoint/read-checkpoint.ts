import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AppError, CheckpointManifest } from '@baton/contracts'
import type { Blob, Digest, LoopState, Position, TrainingEnvironment } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { Tensor } from '@baton/safetensors'

type FileName = CheckpointManifest['files'][number]['name']
type TensorMap = ReadonlyMap<string, Tensor>

/** What a checkpoint says, once nothing about it is in doubt. */
export interface Checkpoint {
  readonly position: Position
  readonly state: LoopState
  readonly environment: TrainingEnvironment
  readonly weights: TensorMap
  readonly optimizer: TensorMap
  /** The file with the weights of the best evaluation; null before the first. */
  readonly best: { readonly tensors: TensorMap; readonly file: Blob } | null
}

export interface ReadCheckpoint {
  readonly manifest: CheckpointManifest
  /** Where the file of a name lies. */
  readonly filePath: (name: FileName) => string
  /** Whose checkpoint it must be. */
  readonly specDigest: Digest
  readonly fold: number
}

function corrupt(detail: string, facts: Record<string, unknown>, cause?: unknown): AppError {
  return new AppError('checkpoint-corrupt', facts, { detail, cause })
}

/**
 * Reads a checkpoint, and believes nothing about it: it must belong to this spec and fold, hold exactly the files that
 * its state calls for, and every file must have its digest and be well-formed.
 *
 * @throws {AppError} `checkpoint-corrupt`, naming what is wrong
 */
export async function readCheckpoint(source: ReadCheckpoint): Promise<Checkpoint> {
  const manifest = checkManifest(source)
  const read = (name: FileName) => readTensors(manifest, name, source.filePath(name))
  const [weights, optimizer] = [await read('weights'), await read('optimizer')]
  const best = manifest.state.best && { tensors: await read('best'), file: fileOf(manifest, 'best') }
  const { position, state, environment } = manifest
  return { position, state, environment, weights, optimizer, best }
}

function checkManifest({ manifest, specDigest, fold }: ReadCheckpoint): CheckpointManifest {
  const parsed = CheckpointManifest.safeParse(manifest)
  if (!parsed.success)
    throw corrupt(`the manifest of the checkpoint is not valid: ${parsed.error.message}`, {}, parsed.error)
  const found = parsed.data
  if (found.specDigest !== specDigest)
    throw corrupt('the checkpoint is of another spec', { specDigest: found.specDigest, wanted: specDigest })
  if (found.fold !== fold) throw corrupt(`the checkpoint is of fold ${found.fold}, not ${fold}`, { fold: found.fold })
  const wanted = ['weights', 'optimizer', ...(found.state.best === null ? [] : ['best'])]
  const names = found.files.map(({ name }) => name)
  if (names.toSorted().join() !== wanted.toSorted().join())
    throw corrupt(`the checkpoint holds ${names.join(', ') || 'nothing'}; it needs ${wanted.join(', ')}`, { names })
  return found
}

function fileOf({ files }: CheckpointManifest, wanted: FileName): Blob {
  const { digest, sizeBytes } = files.find(({ name }) => name === wanted)!
  return { digest, sizeBytes }
}

async function readTensors(manifest: CheckpointManifest, name: FileName, path: string): Promise<TensorMap> {
  const { digest, sizeBytes } = fileOf(manifest, name)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw corrupt(`the file of the ${name} cannot be read: ${(cause as Error).message}`, { name }, cause)
  })
  if (bytes.length !== sizeBytes)
    throw corrupt(`the file of the ${name} has ${bytes.length} bytes instead of ${sizeBytes}`, { name })
  if (createHash('sha256').update(bytes).digest('hex') !== digest)
    throw corrupt(`the file of the ${name} does not have its digest`, { name, digest })
  try {
    return decode(bytes).tensors
  } catch (cause) {
    throw corrupt(`the file of the ${name} is malformed: ${(cause as Error).message}`, { name }, cause)
  }
}
