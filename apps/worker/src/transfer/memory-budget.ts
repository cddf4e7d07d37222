/** Bytes that several downloads hold in memory together. */
export interface MemoryBudget {
  /** Resolves once so many bytes more may be held; those who came first are served first. At most the whole budget. */
  take(bytes: number): Promise<void>
  give(bytes: number): void
}

export function createMemoryBudget(totalBytes: number): MemoryBudget {
  let freeBytes = totalBytes
  const waiting: { bytes: number; resolve: () => void }[] = []

  function serve(): void {
    while (waiting.length > 0 && waiting[0]!.bytes <= freeBytes) {
      const { bytes, resolve } = waiting.shift()!
      freeBytes -= bytes
      resolve()
    }
  }
  return {
    take(bytes) {
      if (bytes > totalBytes) throw new Error(`${bytes} bytes are more than the ${totalBytes} there are`)
      return new Promise((resolve) => {
        waiting.push({ bytes, resolve })
        serve()
      })
    },
    give(bytes) {
      freeBytes += bytes
      serve()
    },
  }
}
