import { setMaxListeners } from 'node:events'
import type { Blob } from '@baton/contracts'
import type { Tools } from '../retry-policy.ts'
import type { Addresses } from './addresses.ts'
import type { BlobCache } from './blob-cache.ts'
import { createBlobWriter } from './blob-writer.ts'
import { createBlocks } from './blocks.ts'
import { downloadBlob } from './download-blob.ts'

export interface PullBlobs {
  /** In the order in which they are wanted. */
  readonly blobs: readonly Blob[]
  readonly cache: BlobCache
  /** An object lies in this folder, under its digest. */
  readonly into: string
  readonly addresses: Addresses
  /** Told of each object as soon as it is whole. */
  readonly onWhole?: (digest: string, path: string) => void
  readonly signal: AbortSignal
}

/** Objects pulled side by side: small ones take as long as the way there and back, not as their bytes do. */
const objectsAtOnce = 32
/** What all of them hold in memory: sixteen ranges. */
const memoryBytes = 128 * 2 ** 20

/**
 * Brings objects onto this machine, many side by side, in about the order given. What the cache has is not pulled again.
 *
 * Each is checked against its digest while it streams. A pull that was cut, even by the death of the process, goes on
 * where it stood: whole objects are in the cache, and of a large one what had arrived.
 *
 * @returns Where each lies, by its digest
 * @throws {AppError} as `downloadBlob`, and `disk-full`: the first one that cannot be had ends the others
 */
export async function pullBlobs(tools: Tools, input: PullBlobs): Promise<ReadonlyMap<string, string>> {
  const { cache, into, addresses } = input
  const failed = new AbortController()
  const signal = AbortSignal.any([input.signal, failed.signal])
  // Every request listens to it.
  setMaxListeners(0, signal)
  const blocks = createBlocks(memoryBytes)
  const writer = createBlobWriter()
  const paths = new Map<string, string>()
  const queue = new Map(input.blobs.map((blob) => [blob.digest, blob])).values()

  async function lane(): Promise<void> {
    for (const blob of queue) {
      signal.throwIfAborted()
      const path = await cache.pull(blob, into, (file, begun, onWritten) =>
        downloadBlob(tools, { blob, path: file, begun, onWritten, addresses, blocks, writer, signal }),
      )
      paths.set(blob.digest, path)
      input.onWhole?.(blob.digest, path)
    }
  }

  const lanes = Array.from({ length: objectsAtOnce }, async () => {
    await lane().catch((error: unknown) => failed.abort(failed.signal.aborted ? failed.signal.reason : error))
  })
  await Promise.all(lanes)
  await writer.close()
  failed.signal.throwIfAborted()
  return paths
}
