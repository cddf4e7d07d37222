import { setMaxListeners } from 'node:events'
import type { Blob } from '@baton/contracts'
import type { Tools } from '../retry-policy.ts'
import type { Addresses } from './addresses.ts'
import type { BlobCache } from './blob-cache.ts'
import { downloadBlob } from './download-blob.ts'
import { createMemoryBudget } from './memory-budget.ts'

export interface PullBlobs {
  /** In the order in which they are wanted. */
  readonly blobs: readonly Blob[]
  readonly cache: BlobCache
  /** An object lies in this folder, under its digest. */
  readonly into: string
  readonly addresses: Addresses
  readonly signal: AbortSignal
}

/** Objects that are on their way to this machine. */
export interface Pull {
  /** Where an object lies, once it does. @throws what ended the pull, if that was first */
  path(digest: string): Promise<string>
  /** Resolves once all are there. @throws as `downloadBlob`: the first one that cannot be had ends the others */
  readonly done: Promise<void>
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
 */
export function pullBlobs(tools: Tools, input: PullBlobs): Pull {
  const { cache, into, addresses } = input
  const failed = new AbortController()
  const signal = AbortSignal.any([input.signal, failed.signal])
  // Every request listens to it.
  setMaxListeners(0, signal)
  const memory = createMemoryBudget(memoryBytes)
  const paths = new Map(input.blobs.map(({ digest }) => [digest, deferred<string>()]))
  const queue = new Map(input.blobs.map((blob) => [blob.digest, blob])).values()

  async function lane(): Promise<void> {
    for (const blob of queue) {
      signal.throwIfAborted()
      const path = await cache.pull(blob, into, (file, begun) =>
        downloadBlob(tools, { blob, path: file, begun, addresses, memory, signal }),
      )
      paths.get(blob.digest)!.resolve(path)
    }
  }

  async function run(): Promise<void> {
    const lanes = Array.from({ length: objectsAtOnce }, async () => {
      await lane().catch((error: unknown) => failed.abort(failed.signal.aborted ? failed.signal.reason : error))
    })
    await Promise.all(lanes)
    if (!failed.signal.aborted) return
    for (const path of paths.values()) path.reject(failed.signal.reason)
    throw failed.signal.reason
  }

  const done = run()
  // Who waits for one object meets the error there.
  done.catch(() => undefined)
  return { done, path: (digest) => paths.get(digest)!.promise }
}

function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
