import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { retrying } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import type { Addresses } from './addresses.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { prefetch } from './prefetch.ts'
import { storageFetch } from './storage-fetch.ts'

/** Bytes asked for at once: long enough to fill a connection, short enough to hold in memory and to lose. */
export const rangeBytes = 8 * 2 ** 20
/** Ranges of one object under way at once. */
const rangesAtOnce = 4
/** Pieces written by one call; the system's limit. */
const chunksAtOnce = 1024
/** A range may take this long before it is cut and asked for again from where it stood: 70 KB/s. */
const rangeTimeoutMs = 120_000
/** Storage that fails for this long is not coming back for this session. */
const giveUpAfterMs = 15 * 60_000

/** An object of which ranges are read. */
export interface RangeSource {
  readonly blob: Blob
  readonly addresses: Addresses
  readonly signal: AbortSignal
}

export interface DownloadBlob extends RangeSource {
  readonly path: string
  /** A file with the object's first bytes, of a download that was cut. They are not pulled again. */
  readonly begun: string | null
  /** Told how many of the object's first bytes are written. */
  readonly onWritten: (bytes: number) => void
  /** Shared with other downloads. */
  readonly memory: MemoryBudget
}

/**
 * Writes an object to `path` and returns only once its bytes have the digest they are named by.
 *
 * It is read in ranges side by side; a cut range goes on from its last byte, an expired address is asked for
 * again. Ranges are hashed and written in order as they arrive, so nothing is read twice. What is written may be lost
 * with the machine's power: the cache looks at it again then.
 *
 * @throws {AppError} `digest-mismatch`, `blob-missing`; `storage-unavailable` after a quarter of an hour of failures
 */
export async function downloadBlob(tools: Tools, input: DownloadBlob): Promise<void> {
  const { digest, sizeBytes } = input.blob
  const hash = createHash('sha256')
  const file = await open(input.path, 'wx')
  let heldBytes = 0
  const fetch = async (range: Range) => {
    const bytes = range.end - range.start
    await input.memory.take(bytes)
    heldBytes += bytes
    return { chunks: await fetchRange(tools, input, range), bytes }
  }
  try {
    const start = input.begun === null ? 0 : await copyBegun(input.begun, file, hash, sizeBytes)
    let written = start
    input.onWritten(written)
    for await (const { chunks, bytes } of prefetch(rangesOf(start, sizeBytes), rangesAtOnce, fetch)) {
      for (const chunk of chunks) hash.update(chunk)
      await writeAll(file, chunks)
      input.memory.give(bytes)
      heldBytes -= bytes
      input.onWritten((written += bytes))
    }
  } finally {
    input.memory.give(heldBytes)
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

/** Copies what a cut download left. It is copied, not taken: whoever wrote it may be alive. @returns How many bytes */
async function copyBegun(begun: string, to: FileHandle, hash: Hash, sizeBytes: number): Promise<number> {
  const from = await open(begun, 'r')
  try {
    let copied = 0
    const buffer = Buffer.allocUnsafe(2 ** 20)
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, sizeBytes - copied))
      if (bytesRead === 0) return copied
      hash.update(buffer.subarray(0, bytesRead))
      await to.write(buffer, 0, bytesRead)
      copied += bytesRead
    }
  } finally {
    await from.close()
  }
}

/** A vectored write may stop short, and takes at most 1024 pieces. */
async function writeAll(file: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  for (let i = 0; i < chunks.length; i += chunksAtOnce) {
    const some = chunks.slice(i, i + chunksAtOnce)
    const total = some.reduce((sum, { length }) => sum + length, 0)
    const { bytesWritten } = await file.writev(some)
    if (bytesWritten < total) await file.appendFile(Buffer.concat(some).subarray(bytesWritten))
  }
}

export interface Range {
  readonly start: number
  /** Past the last byte. */
  readonly end: number
}

function* rangesOf(from: number, sizeBytes: number): Generator<Range> {
  for (let start = from; start < sizeBytes; start += rangeBytes)
    yield { start, end: Math.min(start + rangeBytes, sizeBytes) }
}

/**
 * The bytes of a range as they came, in order: joining them would cost as much as reading them did. Nothing has checked
 * them yet.
 *
 * @throws {AppError} `blob-missing`; `storage-unavailable` after a quarter of an hour of failures
 */
export async function fetchRange(tools: Tools, input: RangeSource, { start, end }: Range): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  let at = start
  await retrying(tools, { what: 'download', signal: input.signal, giveUpAfterMs }, async () => {
    const response = await openRange(input, { start: at, end })
    await response.read((chunk) => {
      const wanted = chunk.subarray(0, end - at)
      chunks.push(wanted)
      at += wanted.length
    })
    if (at < end) throw new AppError('storage-unavailable', {}, { detail: 'the download was cut' })
  })
  return chunks
}

/** The answer that holds a range. */
async function openRange({ blob, addresses, signal }: RangeSource, { start, end }: Range) {
  const response = await storageFetch(await addresses.of(blob.digest), {
    headers: { range: `bytes=${start}-${end - 1}` },
    signal,
    timeoutMs: rangeTimeoutMs,
  })
  // A server that knows no ranges answers 200 with everything, which is right only where everything was asked for.
  const isAnswer = response.status === 206 || (response.status === 200 && start === 0 && end === blob.sizeBytes)
  if (isAnswer) return response
  await response.discard()
  if (response.status === 404) throw new AppError('blob-missing', { digests: [blob.digest] })
  if (response.status === 401 || response.status === 403) addresses.forget(blob.digest)
  throw new AppError(
    'storage-unavailable',
    { status: response.status },
    { detail: `storage answered ${response.status}` },
  )
}
