import { AppError, CheckpointManifest } from '@baton/contracts'
import type { Blob, CheckpointFileName, Digest, LoopState, Position, TrainingEnvironment } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { Tensor } from '@baton/safetensors'
import { readHashed } from './read-hashed.ts'

type TensorMap = ReadonlyMap<string, Tensor>

/** What a checkpoint says, once nothing about it is in doubt. */
export interface Checkpoint {
  readonly position: Position
  readonly state: LoopState
  readonly environment: TrainingEnvironment
  /** Weights, slots, averages and losses, all that there are. */
  readonly tensors: TensorMap
  /** The files of what the stage leaves as it is; null where there is none. */
  readonly frozen: { readonly weights: TensorFile | null; readonly optimizer: TensorFile | null }
  /** The weights of the best evaluation; null before the first. */
  readonly best: { readonly file: TensorFile; readonly frozen: TensorFile | null } | null
}

export interface TensorFile {
  readonly tensors: TensorMap
  readonly file: Blob
}

export interface ReadCheckpoint {
  readonly manifest: CheckpointManifest
  /** Where the file of a name lies. */
  readonly filePath: (name: CheckpointFileName) => string
  /** Whose checkpoint it must be. */
  readonly specDigest: Digest
  readonly fold: number
  /** Reads them; default here. */
  readonly read?: typeof readHashed
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
  const read = async (file: CheckpointManifest['files'][number]): Promise<[CheckpointFileName, TensorFile]> => {
    const { name, digest, sizeBytes } = file
    return [name, { tensors: await readTensors(file, source), file: { digest, sizeBytes } }]
  }
  // All are asked for at once: a thread that reads them does not wait for this one to ask for the next.
  const files = new Map(await Promise.all(manifest.files.map(read)))
  const fileIfThere = (name: CheckpointFileName) => files.get(name) ?? null
  const changing = [files.get('weights')!, files.get('optimizer')!]
  const frozen = { weights: fileIfThere('frozen-weights'), optimizer: fileIfThere('frozen-optimizer') }
  const best = manifest.state.best && { file: files.get('best')!, frozen: fileIfThere('frozen-best') }
  const { position, state, environment } = manifest
  const parts = [...changing, frozen.weights, frozen.optimizer].flatMap((part) => [...(part?.tensors ?? [])])
  const tensors = new Map(parts)
  if (tensors.size < parts.length) throw corrupt('the checkpoint holds a tensor twice', {})
  return { position, state, environment, tensors, frozen, best }
}

/**
 * Whose the checkpoint is and what files it has, by its manifest.
 *
 * @throws {AppError} `checkpoint-corrupt`, naming what is wrong
 */
export function checkManifest({ manifest, specDigest, fold }: Omit<ReadCheckpoint, 'filePath'>): CheckpointManifest {
  const parsed = CheckpointManifest.safeParse(manifest)
  if (!parsed.success)
    throw corrupt(`the manifest of the checkpoint is not valid: ${parsed.error.message}`, {}, parsed.error)
  const found = parsed.data
  if (found.specDigest !== specDigest)
    throw corrupt('the checkpoint is of another spec', { specDigest: found.specDigest, wanted: specDigest })
  if (found.fold !== fold) throw corrupt(`the checkpoint is of fold ${found.fold}, not ${fold}`, { fold: found.fold })
  const wanted = ['weights', 'optimizer', ...(found.state.best === null ? [] : ['best'])]
  const names = found.files.map(({ name }) => name)
  const needed = names.filter((name) => !isOfFrozen(name))
  const isOdd = new Set(names).size < names.length || (names.includes('frozen-best') && !needed.includes('best'))
  if (isOdd || needed.toSorted().join() !== wanted.toSorted().join())
    throw corrupt(`the checkpoint holds ${names.join(', ') || 'nothing'}; it needs ${wanted.join(', ')}`, { names })
  return found
}

function isOfFrozen(name: CheckpointFileName): boolean {
  return name.startsWith('frozen-')
}

async function readTensors(
  { name, digest, sizeBytes }: CheckpointManifest['files'][number],
  { filePath, read = readHashed }: ReadCheckpoint,
): Promise<TensorMap> {
  const found = await read(filePath(name)).catch((cause: unknown) => {
    throw corrupt(`the file of the ${name} cannot be read: ${(cause as Error).message}`, { name }, cause)
  })
  if (found.bytes.length !== sizeBytes)
    throw corrupt(`the file of the ${name} has ${found.bytes.length} bytes instead of ${sizeBytes}`, { name })
  if (found.digest !== digest) throw corrupt(`the file of the ${name} does not have its digest`, { name, digest })
  try {
    return decode(found.bytes).tensors
  } catch (cause) {
    throw corrupt(`the file of the ${name} is malformed: ${(cause as Error).message}`, { name }, cause)
  }
}
