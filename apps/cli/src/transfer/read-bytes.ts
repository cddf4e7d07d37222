import { createHash } from 'node:crypto'
import { AppError } from '@baton/contracts'
import { retrying } from '../client/retry.ts'
import { reasonOf, timeoutMs } from './exchange.ts'

export interface ReadBytes {
  /** An address to read from; asked for at each try, because addresses expire. */
  readonly address: () => Promise<string>
  /** SHA-256 of what is read. */
  readonly digest: string
  /** The part of the object that is read; null: all of it. */
  readonly part: { readonly offset: number; readonly length: number } | null
  /** What is read is at most so long. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/**
 * An object of storage, or a part of it, in memory.
 * @throws {AppError} `digest-mismatch`, `storage-unavailable`; what `address` throws
 */
export async function readBytes({ address, digest, part, maxBytes, signal }: ReadBytes): Promise<Uint8Array> {
  const range = part && `bytes=${part.offset}-${part.offset + part.length - 1}`
  return retrying(
    async () => {
      const url = await address()
      const bytes = await fetchBytes(url, range, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs(maxBytes))]))
      if (createHash('sha256').update(bytes).digest('hex') !== digest) throw new AppError('digest-mismatch', { digest })
      return bytes
    },
    { signal },
  )
}

async function fetchBytes(url: string, range: string | null, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const response = await fetch(url, { signal, ...(range !== null && { headers: { range } }) })
    if (response.status === (range === null ? 200 : 206)) return new Uint8Array(await response.arrayBuffer())
    await response.body?.cancel()
    throw new AppError('storage-unavailable', {}, { detail: `storage answered ${response.status} to a read` })
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('storage-unavailable', {}, { detail: `storage did not answer: ${reasonOf(error)}` })
  }
}
