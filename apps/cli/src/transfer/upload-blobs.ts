import { createReadStream } from 'node:fs'
import { Readable, Transform } from 'node:stream'
import { AppError } from '@baton/contracts'
import type { Blob, Client } from '@baton/contracts'
import { retrying } from '../client/retry.ts'
import { timeoutMs, unanswered } from './exchange.ts'

/** An object to send: a file, or bytes at hand. */
export type LocalBlob = Blob & ({ readonly path: string } | { readonly bytes: Uint8Array })

export interface UploadOptions {
  readonly project: string
  readonly blobs: readonly LocalBlob[]
  readonly signal?: AbortSignal
  /** Told how many bytes storage holds by now. */
  readonly onProgress?: (doneBytes: number) => void
}

/** A home uplink is full with fewer; a data centre's gains little from more. */
const uploadsAtOnce = 4

/**
 * Sends the objects that storage does not hold yet, and returns once it holds all of them.
 *
 * Addresses are asked for at each try: they expire, and what has arrived meanwhile is not sent again. So a command
 * that was interrupted goes on where it stopped.
 *
 * @throws {AppError} what `createUploads` throws; `storage-unavailable`
 */
export async function uploadBlobs(api: Client, options: UploadOptions): Promise<void> {
  const waiting = [...new Map(options.blobs.map((blob) => [blob.digest, blob])).values()]
  const sentBytes = new Map<string, number>()
  const report = (digest: string, bytes: number) => {
    sentBytes.set(digest, bytes)
    options.onProgress?.([...sentBytes.values()].reduce((sum, part) => sum + part, 0))
  }
  const lane = async () => {
    for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
      const { digest, sizeBytes } = blob
      await uploadOne(api, options, blob, (bytes) => report(digest, bytes))
      report(digest, sizeBytes)
    }
  }
  await Promise.all(Array.from({ length: uploadsAtOnce }, lane))
}

async function uploadOne(
  api: Client,
  { project, signal }: UploadOptions,
  blob: LocalBlob,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { digest, sizeBytes } = blob
  const call = signal ? { signal } : {}
  await retrying(async () => {
    const answer = await api.createUploads({ params: { project }, body: { blobs: [{ digest, sizeBytes }] } }, call)
    const put = answer.items[0]?.put
    if (put) await send(put, blob, signal, onBytes)
  }, call)
}

async function send(
  put: { url: string; headers: Record<string, string> },
  blob: LocalBlob,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const timeout = AbortSignal.timeout(timeoutMs(blob.sizeBytes))
  const request = {
    method: 'PUT',
    headers: { ...put.headers, 'content-length': String(blob.sizeBytes) },
    body: bodyOf(blob, onBytes),
    // What Node asks of a request whose body is a stream.
    duplex: 'half',
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  }
  const response = await fetch(put.url, request as RequestInit).catch(unanswered(signal))
  await response.arrayBuffer()
  // A refusal may be an expired address or bytes damaged on the way: the next try has a new address and sends them anew.
  if (!response.ok)
    throw new AppError('storage-unavailable', {}, { detail: `storage answered ${response.status} to an upload` })
}

function bodyOf(blob: LocalBlob, onBytes: (bytes: number) => void): ReadableStream<Uint8Array> {
  let passedBytes = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      passedBytes += chunk.length
      onBytes(passedBytes)
      done(null, chunk)
    },
  })
  const source: Readable = 'path' in blob ? createReadStream(blob.path) : Readable.from([blob.bytes])
  source.on('error', (error: Error) => counter.destroy(error))
  return Readable.toWeb(source.pipe(counter)) as ReadableStream<Uint8Array>
}
