import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackBundle } from '@baton/bundle'
import { AppError, isAppError } from '@baton/contracts'
import type { Blob, Lease } from '@baton/contracts'
import type { TrainingRun } from '../child/messages.ts'
import { foldAddresses } from '../transfer/addresses.ts'
import { needingRoom } from '../transfer/disk-full.ts'
import { makeRoom } from '../transfer/make-room.ts'
import { pullBlobs } from '../transfer/pull-blobs.ts'
import { pullShards } from '../transfer/pull-shards.ts'
import type { ShardPull } from '../transfer/pull-shards.ts'
import type { OpenFold } from './open-fold.ts'

/** A fold whose training can begin. */
export interface PreparedFold {
  readonly run: TrainingRun
  /** Its dataset's shards, which may be on their way. */
  readonly shards: ShardPull
}

/**
 * Brings what the training needs to begin onto this machine: code, manifest, inputs and the checkpoint to go on from.
 * Then the shards begin to come. What the cache has is not pulled again.
 *
 * @param dir Where it lies, a folder of the fold's own.
 * @param signal Stops all of it, the shards too.
 * @throws {AppError} `disk-full`, `bundle-invalid`, `digest-mismatch`, `checkpoint-corrupt`, `blob-missing`,
 *   `storage-unavailable`, `lease-lost`; the signal's reason once it aborts
 */
export async function prepareFold(fold: OpenFold, dir: string, signal: AbortSignal): Promise<PreparedFold> {
  const { context, lease, tools } = fold
  const runDir = join(dir, 'run')
  const into = join(dir, 'blobs')
  await Promise.all([runDir, into].map((folder) => mkdir(folder, { recursive: true })))
  const [first, { shards }] = [blobsToBegin(lease), lease.dataset]
  const digests = [...new Set([...first, ...shards].map(({ digest }) => digest))]
  const addresses = foldAddresses(tools, { api: context.api, lease, digests, signal })
  await makeRoom({ cacheDir: context.cacheDir, blobs: [...first, ...shards] })
  const pull = { cache: context.cache, into, addresses, signal }
  const paths = await pullBlobs(tools, { ...pull, blobs: first }).catch((error: unknown) => {
    throw isOfCheckpoint(lease, error) ? corrupt(error) : error
  })
  const pathOf = (blob: Blob) => paths.get(blob.digest)!
  const code = lease.code && pathOf(lease.code)
  const bundleDir = code && (await needingRoom(dir, () => unpack(code, join(dir, 'bundle'))))
  const run: TrainingRun = {
    spec: lease.spec,
    specDigest: lease.specDigest,
    fold: lease.fold,
    manifestPath: pathOf(lease.dataset.manifest),
    bundleDir,
    inputs: lease.inputs.map((input) => ({ input, path: pathOf(input) })),
    resume: resumeOf(lease, pathOf),
    workDir: runDir,
    threads: context.threads,
    dataThreads: context.dataThreads,
    execution: context.execution,
    cacheDir: context.cacheDir,
  }
  return { run, shards: pullShards(tools, { ...pull, shards, aheadDir: join(dir, 'ahead') }) }
}

function blobsToBegin({ code, dataset, inputs, checkpoint }: Lease): Blob[] {
  return [...(code ? [code] : []), dataset.manifest, ...inputs, ...(checkpoint?.manifest.files ?? [])]
}

/** Whether an object of the checkpoint is not in storage any more, or has other bytes under its name. */
function isOfCheckpoint({ checkpoint }: Lease, error: unknown): error is AppError {
  if (!isAppError(error, 'digest-mismatch') && !isAppError(error, 'blob-missing')) return false
  const { digest, digests } = error.facts as { digest?: string; digests?: string[] }
  return checkpoint?.manifest.files.some((file) => file.digest === digest || digests?.includes(file.digest)) ?? false
}

function corrupt(cause: AppError): AppError {
  return new AppError('checkpoint-corrupt', cause.facts, { detail: cause.message, cause })
}

async function unpack(zipPath: string, targetDir: string): Promise<string> {
  await unpackBundle(await readFile(zipPath), targetDir)
  return targetDir
}

function resumeOf({ checkpoint }: Lease, pathOf: (blob: Blob) => string): TrainingRun['resume'] {
  if (checkpoint === null) return null
  const { manifest } = checkpoint
  return { manifest, files: Object.fromEntries(manifest.files.map((file) => [file.name, pathOf(file)])) }
}
