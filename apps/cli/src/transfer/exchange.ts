/** For one object: a minute, and the time that its bytes take at 100 kB/s. */
export const timeoutMs = (sizeBytes: number): number => Math.ceil(60_000 + sizeBytes / 100)

/** What broke. Never the address: it is a credential. `fetch failed` says nothing, its cause's code does. */
export function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string } }).cause
  return cause?.code ?? (error instanceof Error ? error.name : 'no reason given')
}
