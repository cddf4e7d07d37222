import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { retrying } from '../client/retry.ts'
import { timeoutMs, unanswered } from './exchange.ts'

export interface DownloadBlob {
  readonly blob: Blob
  /** Where the bytes go; a file that is there with other bytes is replaced. */
  readonly path: string
  /** An address to read from; asked for at each try, because addresses expire. */
  readonly address: () => Promise<string>
  readonly signal: AbortSignal
  /** Told how many bytes are there by now. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Writes an object to a file, which appears only once its bytes have the digest they are named by. A file that has them
 * already is left as it is.
 *
 * @throws {AppError} `digest-mismatch`, `storage-unavailable`; what `address` throws
 */
export async function downloadBlob({ blob, path, address, signal, onBytes }: DownloadBlob): Promise<void> {
  if (!(await isThere(path, blob))) {
    const part = `${path}.part`
    try {
      await retrying(async () => fetchTo(part, blob, await address(), signal, onBytes), { signal })
      await rename(part, path)
    } finally {
      await rm(part, { force: true })
    }
  }
  onBytes?.(blob.sizeBytes)
}

async function isThere(path: string, { digest, sizeBytes }: Blob): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  if (!found?.isFile() || found.size !== sizeBytes) return false
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex') === digest
}

async function fetchTo(
  path: string,
  { digest, sizeBytes }: Blob,
  url: string,
  signal: AbortSignal,
  onBytes: DownloadBlob['onBytes'],
): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs(sizeBytes))])
  const response = await fetch(url, { signal: limited }).catch(unanswered(signal))
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw new AppError('storage-unavailable', {}, { detail: `storage answered ${response.status} to a download` })
  }
  const hash = createHash('sha256')
  let passedBytes = 0
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      passedBytes += chunk.length
      onBytes?.(passedBytes)
      done(null, chunk)
    },
  })
  const file = createWriteStream(path)
  let diskError: unknown
  file.once('error', (error) => (diskError = error))
  await pipeline(Readable.fromWeb(response.body), counter, file).catch((error: unknown) => {
    // A full disk is no matter of storage.
    if (diskError !== undefined && diskError === error) throw error
    unanswered(signal)(error)
  })
  if (hash.digest('hex') !== digest) throw new AppError('digest-mismatch', { digest })
}
