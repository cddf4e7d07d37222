import { createHash } from 'node:crypto'
import { AppError } from '@baton/contracts'
import { retrying } from '../client/retry.ts'
import { timeoutMs, unanswered } from './exchange.ts'

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
      const bytes = await fetchBytes(await address(), range, { maxBytes, signal })
      if (createHash('sha256').update(bytes).digest('hex') !== digest) throw new AppError('digest-mismatch', { digest })
      return bytes
    },
    { signal },
  )
}

async function fetchBytes(
  url: string,
  range: string | null,
  { maxBytes, signal }: Pick<ReadBytes, 'maxBytes' | 'signal'>,
): Promise<Uint8Array> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs(maxBytes))])
  const request = { signal: limited, ...(range !== null && { headers: { range } }) }
  const response = await fetch(url, request).catch(unanswered(signal))
  if (response.status === (range === null ? 200 : 206))
    return new Uint8Array(await response.arrayBuffer().catch(unanswered(signal)))
  await response.body?.cancel()
  throw new AppError('storage-unavailable', {}, { detail: `storage answered ${response.status} to a read` })
}
