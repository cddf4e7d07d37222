import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { retrying } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import type { Addresses } from './addresses.ts'
import { prefetch } from './prefetch.ts'
import { storageFetch } from './storage-fetch.ts'

/** Bytes asked for at once: long enough to fill a connection, short enough to hold in memory and to lose. */
const rangeBytes = 8 * 2 ** 20
/** Ranges of one object under way at once; times 8 MiB is what a download holds in memory. */
const rangesAtOnce = 4
/** A range may take this long before it is cut and asked for again from where it stood: 70 KB/s. */
const rangeTimeoutMs = 120_000
/** Storage that fails for this long is not coming back for this session. */
const giveUpAfterMs = 15 * 60_000

export interface DownloadBlob {
  readonly blob: Blob
  readonly path: string
  readonly addresses: Addresses
  readonly signal: AbortSignal
}

/**
 * Writes an object to `path` and returns only once its bytes have the digest they are named by.
 *
 * It is read in ranges side by side; a cut range goes on from its last byte, an expired address is asked for
 * again. Ranges are hashed and written in order as they arrive, so nothing is read twice.
 *
 * @throws {AppError} `digest-mismatch`, `blob-missing`; `storage-unavailable` after a quarter of an hour of failures
 */
export async function downloadBlob(tools: Tools, input: DownloadBlob): Promise<void> {
  const { digest, sizeBytes } = input.blob
  const hash = createHash('sha256')
  const file = await open(input.path, 'wx')
  try {
    for await (const bytes of prefetch(rangesOf(sizeBytes), rangesAtOnce, (range) => fetchRange(tools, input, range))) {
      hash.update(bytes)
      await file.write(bytes)
    }
    await file.datasync()
  } finally {
    await file.close()
  }
  const actual = hash.digest('hex')
  if (actual !== digest)
    throw new AppError(
      'digest-mismatch',
      { digest, actual },
      { detail: `object ${digest} arrived with digest ${actual}` },
    )
}

interface Range {
  readonly start: number
  /** Past the last byte. */
  readonly end: number
}

function* rangesOf(sizeBytes: number): Generator<Range> {
  for (let start = 0; start < sizeBytes; start += rangeBytes)
    yield { start, end: Math.min(start + rangeBytes, sizeBytes) }
}

async function fetchRange(tools: Tools, input: DownloadBlob, range: Range): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.end - range.start)
  let received = 0
  await retrying(tools, { what: 'download', signal: input.signal, giveUpAfterMs }, async () => {
    const part = { start: range.start + received, end: range.end }
    for await (const chunk of await openRange(input, part)) {
      bytes.set(chunk.subarray(0, bytes.length - received), received)
      received = Math.min(bytes.length, received + chunk.length)
    }
    if (received < bytes.length) throw new AppError('storage-unavailable', {}, { detail: 'the download was cut' })
  })
  return bytes
}

/** The body of a range: a connection that breaks while it is read is `storage-unavailable`. */
async function openRange(
  { blob, addresses, signal }: DownloadBlob,
  { start, end }: Range,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await storageFetch(await addresses.of(blob.digest), {
    headers: { range: `bytes=${start}-${end - 1}` },
    signal,
    timeoutMs: rangeTimeoutMs,
  })
  // A server that knows no ranges answers 200 with everything, which is right only where everything was asked for.
  const isAnswer = response.status === 206 || (response.status === 200 && start === 0 && end === blob.sizeBytes)
  if (isAnswer) return response.chunks
  await response.discard()
  if (response.status === 404) throw new AppError('blob-missing', { digests: [blob.digest] })
  if (response.status === 401 || response.status === 403) addresses.forget(blob.digest)
  throw new AppError(
    'storage-unavailable',
    { status: response.status },
    { detail: `storage answered ${response.status}` },
  )
}
