import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackBundle } from '@baton/bundle'
import { AppError, isAppError } from '@baton/contracts'
import type { Blob, Lease } from '@baton/contracts'
import type { TrainingRun } from '../child/messages.ts'
import { foldAddresses } from '../transfer/addresses.ts'
import { makeRoom } from '../transfer/make-room.ts'
import { pullBlobs } from '../transfer/pull-blobs.ts'
import type { OpenFold } from './open-fold.ts'

/**
 * Brings everything the training needs onto this machine: code, manifest, shards, inputs and the checkpoint to go on from.
 * What the cache has is not pulled again.
 *
 * @throws {AppError} `disk-full`, `bundle-invalid`, `digest-mismatch`, `checkpoint-corrupt`, `blob-missing`,
 *   `storage-unavailable`, `lease-lost`; the signal's reason once it aborts
 */
export async function prepareFold(fold: OpenFold, signal: AbortSignal): Promise<TrainingRun> {
  const { context, lease, workDir } = fold
  const runDir = join(workDir, 'run')
  await mkdir(runDir)
  const paths = await pullAll(fold, signal)
  const pathOf = (blob: Blob) => paths.get(blob.digest)!
  const bundleDir = lease.code && (await unpack(pathOf(lease.code), join(workDir, 'bundle')))
  await context.cache.evict(context.cacheBytes)
  return {
    spec: lease.spec,
    specDigest: lease.specDigest,
    fold: lease.fold,
    manifestPath: pathOf(lease.dataset.manifest),
    shardPaths: lease.dataset.shards.map(pathOf),
    bundleDir,
    inputs: lease.inputs.map((input) => ({ input, path: pathOf(input) })),
    resume: resumeOf(lease, pathOf),
    workDir: runDir,
    threads: context.threads,
    dataThreads: context.dataThreads,
    execution: context.execution,
    cacheDir: context.cacheDir,
  }
}

/** Path of each object by digest. The first that cannot be had stops the others. */
async function pullAll(fold: OpenFold, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const { context, lease, tools, workDir } = fold
  const blobs = blobsOf(lease)
  const digests = [...new Set(blobs.map(({ digest }) => digest))]
  const addresses = foldAddresses(tools, { api: context.api, lease, digests, signal })
  await makeRoom({ cacheDir: context.cacheDir, blobs })
  const into = join(workDir, 'blobs')
  await mkdir(into)
  return pullBlobs(tools, { blobs, cache: context.cache, into, addresses, signal }).catch((error: unknown) => {
    throw isOfCheckpoint(lease, error) ? corrupt(error) : error
  })
}

function blobsOf({ code, dataset, inputs, checkpoint }: Lease): Blob[] {
  const resumed = checkpoint?.manifest.files ?? []
  return [...(code ? [code] : []), dataset.manifest, ...dataset.shards, ...inputs, ...resumed]
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
