import { AppError } from '@baton/contracts'

/** For one object: a minute, and the time that its bytes take at 100 kB/s. */
export const timeoutMs = (sizeBytes: number): number => Math.ceil(60_000 + sizeBytes / 100)

/**
 * What becomes of an exchange that broke: its caller's reason where that stopped it, else `storage-unavailable`.
 *
 * @param signal The caller's, without any limit of time.
 */
export function unanswered(signal: AbortSignal | undefined): (error: unknown) => never {
  return (error) => {
    signal?.throwIfAborted()
    throw new AppError('storage-unavailable', {}, { detail: `storage did not answer: ${reasonOf(error)}` })
  }
}

/** What broke. Never the address: it is a credential. `fetch failed` says nothing, its cause's code does. */
function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string } }).cause
  return cause?.code ?? (error instanceof Error ? error.name : 'no reason given')
}
