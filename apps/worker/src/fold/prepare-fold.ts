import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackBundle } from '@baton/bundle'
import { AppError, isAppError } from '@baton/contracts'
import type { Blob, Lease } from '@baton/contracts'
import type { TrainingRun } from '../child/messages.ts'
import { foldAddresses } from '../transfer/addresses.ts'
import { downloadBlob } from '../transfer/download-blob.ts'
import { mapBounded } from '../transfer/prefetch.ts'
import type { OpenFold } from './open-fold.ts'

/** Objects pulled at once; each may hold 32 MiB in memory. */
const objectsAtOnce = 3

/**
 * Brings everything the training needs onto this machine: code, manifest, shards, inputs and the checkpoint to go on from.
 * What the cache has is not pulled again.
 *
 * @throws {AppError} `bundle-invalid`, `digest-mismatch`, `checkpoint-corrupt`, `blob-missing`, `storage-unavailable`,
 *   `lease-lost`; the signal's reason once it aborts
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
    execution: context.execution,
    cacheDir: context.cacheDir,
  }
}

/** Path of each object by digest. The first that cannot be had stops the others. */
async function pullAll(fold: OpenFold, signal: AbortSignal): Promise<Map<string, string>> {
  const { context, lease, tools, workDir } = fold
  const failed = new AbortController()
  const together = AbortSignal.any([signal, failed.signal])
  const blobs = [...new Map(blobsOf(lease).map((blob) => [blob.digest, blob])).values()]
  const digests = blobs.map((blob) => blob.digest)
  const addresses = foldAddresses(tools, { api: context.api, lease, digests, signal: together })
  const into = join(workDir, 'blobs')
  await mkdir(into)
  const pulled = await mapBounded(blobs, objectsAtOnce, async (blob) => {
    try {
      const download = (path: string) => downloadBlob(tools, { blob, path, addresses, signal: together })
      return [blob.digest, await context.cache.pull(blob, into, download)] as const
    } catch (error) {
      failed.abort(error)
      throw isUnreadable(error) && ofCheckpoint(lease, blob) ? corrupt(error) : error
    }
  })
  return new Map(pulled)
}

function blobsOf({ code, dataset, inputs, checkpoint }: Lease): Blob[] {
  const resumed = checkpoint?.manifest.files ?? []
  return [...(code ? [code] : []), dataset.manifest, ...dataset.shards, ...inputs, ...resumed]
}

/** Whether storage does not have the object any more, or has other bytes under its name. */
function isUnreadable(error: unknown): error is AppError {
  return isAppError(error, 'digest-mismatch') || isAppError(error, 'blob-missing')
}

function ofCheckpoint({ checkpoint }: Lease, { digest }: Blob): boolean {
  return checkpoint?.manifest.files.some((file) => file.digest === digest) ?? false
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
