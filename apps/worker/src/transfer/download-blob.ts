import { open } from 'node:fs/promises'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { retrying } from '../retry-policy.ts'
import type { Tools } from '../retry-policy.ts'
import type { Addresses } from './addresses.ts'
import type { BlobWriter, GrowingBlob } from './blob-writer.ts'
import type { Blocks } from './blocks.ts'
import { readDirectly } from './direct-read.ts'
import type { DirectRead } from './direct-read.ts'
import { prefetch } from './prefetch.ts'
import { refused, storageFetch, unavailable } from './storage-fetch.ts'

/** Bytes asked for at once: long enough to fill a connection, short enough to hold in memory and to lose. */
export const rangeBytes = 8 * 2 ** 20
/** Ranges of one object under way at once. */
const rangesAtOnce = 4
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
  /** Both are shared with other downloads. */
  readonly blocks: Blocks
  readonly writer: BlobWriter
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
  const file = await open(input.path, 'wx')
  const object = input.writer.begin(file.fd)
  const held = new Set<Buffer>()
  const fetch = async ({ start, end }: Range) => {
    const block = await input.blocks.take(end - start)
    held.add(block)
    const bytes = block.subarray(0, end - start)
    await fetchRange(tools, input, start, bytes)
    return { block, bytes }
  }
  try {
    const start = input.begun === null ? 0 : await copyBegun(input.begun, object, sizeBytes)
    let written = start
    input.onWritten(written)
    for await (const { block, bytes } of prefetch(rangesOf(start, sizeBytes), rangesAtOnce, fetch)) {
      await object.append(bytes)
      held.delete(block)
      input.blocks.give(block)
      input.onWritten((written += bytes.length))
    }
  } finally {
    held.forEach((block) => input.blocks.give(block))
    object.end()
    await file.close()
  }
  const actual = object.digest()
  if (actual !== digest)
    throw new AppError(
      'digest-mismatch',
      { digest, actual },
      { detail: `object ${digest} arrived with digest ${actual}` },
    )
}

/** Copies what a cut download left. It is copied, not taken: whoever wrote it may be alive. @returns How many bytes */
async function copyBegun(begun: string, to: GrowingBlob, sizeBytes: number): Promise<number> {
  const from = await open(begun, 'r')
  try {
    let copied = 0
    const buffer = Buffer.from(new SharedArrayBuffer(2 ** 20))
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, sizeBytes - copied))
      if (bytesRead === 0) return copied
      await to.append(buffer.subarray(0, bytesRead))
      copied += bytesRead
    }
  } finally {
    await from.close()
  }
}

interface Range {
  readonly start: number
  /** Past the last byte. */
  readonly end: number
}

function* rangesOf(from: number, sizeBytes: number): Generator<Range> {
  for (let start = from; start < sizeBytes; start += rangeBytes)
    yield { start, end: Math.min(start + rangeBytes, sizeBytes) }
}

/**
 * Fills `bytes` with the object's from `start` on. Nothing has checked them yet.
 *
 * @throws {AppError} `blob-missing`; `storage-unavailable` after a quarter of an hour of failures
 */
export async function fetchRange(tools: Tools, source: RangeSource, start: number, bytes: Buffer): Promise<void> {
  const into = { buffer: bytes, filled: 0 }
  await retrying(tools, { what: 'download', signal: source.signal, giveUpAfterMs }, async () => {
    const address = await source.addresses.of(source.blob.digest)
    const read = {
      url: new URL(address),
      start: start + into.filled,
      into,
      signal: source.signal,
      timeoutMs: rangeTimeoutMs,
    }
    const status =
      (await readDirectly(read).catch(unavailable(source.signal))) ?? (await readByNode(address, read, source.blob))
    if (status !== 200 && status !== 206) refuse(source, status)
    if (into.filled < bytes.length) throw new AppError('storage-unavailable', {}, { detail: 'the download was cut' })
  })
}

/** By Node's own client, which reads answers of any form. @returns The answer's status */
async function readByNode(
  address: string,
  { start, into, signal, timeoutMs }: DirectRead,
  { sizeBytes }: Blob,
): Promise<number> {
  const wanted = into.buffer.length - into.filled
  const headers = { range: `bytes=${start}-${start + wanted - 1}` }
  const response = await storageFetch(address, { headers, signal, timeoutMs })
  // A server that knows no ranges answers 200 with everything, which is right only where everything was asked for.
  if (response.status === 206 || (response.status === 200 && wanted === sizeBytes))
    await response.read((chunk) => {
      into.filled += chunk.copy(into.buffer, into.filled)
    })
  else await response.discard()
  return response.status
}

function refuse({ blob, addresses }: RangeSource, status: number): never {
  if (status === 404) throw new AppError('blob-missing', { digests: [blob.digest] })
  if (status === 401 || status === 403) addresses.forget(blob.digest)
  throw refused(status)
}
