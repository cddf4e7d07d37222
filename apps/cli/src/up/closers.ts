/** What was started, to be ended in the reverse order, each part once. */
export interface Closers {
  readonly add: (close: () => Promise<unknown>) => void
  /** Ends everything; the first error is thrown when all have been tried. Calling it again waits for the same end. */
  readonly closeAll: () => Promise<void>
}

export function createClosers(): Closers {
  const parts: (() => Promise<unknown>)[] = []
  let closing: Promise<void> | undefined
  const close = async () => {
    const errors: unknown[] = []
    for (const part of parts.reverse()) await part().catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw errors[0]
  }
  return { add: (part) => void parts.push(part), closeAll: () => (closing ??= close()) }
}
