import { open } from 'node:fs/promises'
import type { Blob, Client, Lease, Upload } from '@baton/contracts'
import { retrying } from '../retry-policy.ts'
import type { RetryOptions, Tools } from '../retry-policy.ts'
import { mapBounded } from './prefetch.ts'
import { refused, storageFetch } from './storage-fetch.ts'

/** An object on disk. */
export interface LocalBlob extends Blob {
  readonly path: string
}

export interface UploadBlobs {
  readonly api: Client
  readonly lease: Lease
  readonly blobs: readonly LocalBlob[]
  readonly signal: AbortSignal
  readonly beforeRetry?: RetryOptions['beforeRetry']
}

/** Read from disk at once: by the default of 64 KB, sending an object takes twice as long here. */
const readBytes = 2 ** 20
/** Objects sent at once. */
const uploadsAtOnce = 3

/**
 * Sends the objects that storage does not hold yet, and returns once it holds all of them.
 *
 * Addresses are asked for anew at each try: they expire, and what has arrived meanwhile is not sent again.
 *
 * @throws what `createFoldUploads` throws, where trying again does not help
 */
export async function uploadBlobs(tools: Tools, input: UploadBlobs): Promise<void> {
  const { api, lease, blobs, signal, beforeRetry } = input
  const options = { what: 'upload', signal, ...(beforeRetry ? { beforeRetry } : {}) }
  const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]))
  const wanted = [...byDigest.values()].map(({ digest, sizeBytes }) => ({ digest, sizeBytes }))
  await retrying(tools, options, async () => {
    const { items } = await api.createFoldUploads(
      { params: { fold: lease.foldId }, body: { fence: lease.fence, blobs: wanted } },
      { signal },
    )
    await mapBounded(items, uploadsAtOnce, (upload) => send(upload, byDigest.get(upload.digest)!, signal))
  })
}

async function send({ put }: Upload, blob: LocalBlob, signal: AbortSignal): Promise<void> {
  if (put === null) return
  // Opened first: a file that is gone is a bug here, not an outage there.
  const file = await open(blob.path)
  const body = file.createReadStream({ highWaterMark: readBytes })
  try {
    const response = await storageFetch(put.url, {
      method: 'PUT',
      headers: { ...put.headers, 'content-length': String(blob.sizeBytes) },
      body,
      signal,
      timeoutMs: uploadTimeoutMs(blob.sizeBytes),
    })
    await response.discard()
    // A refusal may be an expired address or bytes damaged on the way: the next try has a new address and sends them anew.
    if (response.status < 200 || response.status > 299) throw refused(response.status)
  } finally {
    // What nobody has begun to read would stay open.
    body.destroy()
    await file.close()
  }
}

/** A minute, and the time that the bytes take at 100 KB/s. */
function uploadTimeoutMs(sizeBytes: number): number {
  return 60_000 + Math.ceil(sizeBytes / 100)
}
