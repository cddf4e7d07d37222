/** Memory for batches that wait for their step. */
const waitingBytes = 256e6
/** One is being finished while the next one's images are decoded. */
const leastAhead = 2
export const mostAhead = 8

/**
 * Batches of so many bytes that are made ahead. Threads may be ahead of a step for a while, to be late for the next
 * ones; the thread that does the steps never is. Half an epoch is enough: who is further ahead decodes pictures again
 * that the epoch before is about to have kept.
 */
export function batchesAhead(threads: number, bytes: number, perEpoch: number): number {
  if (threads === 0) return leastAhead
  return Math.max(leastAhead, Math.min(mostAhead, Math.floor(waitingBytes / bytes), Math.floor(perEpoch / 2)))
}

/**
 * Makes items ahead of their use: while one is used, up to `ahead` next ones are being made.
 *
 * Items come in the order of their numbers, however long each takes; a failure comes in its item's place. When the
 * caller stops early, the items under way are waited for and dropped.
 *
 * @param start Number of the first item.
 * @param end Number after the last one.
 */
export async function* prefetch<T>(
  start: number,
  end: number,
  ahead: number,
  make: (i: number) => Promise<T>,
): AsyncGenerator<T, void> {
  const under: Promise<T>[] = []
  let next = start
  const startMore = () => {
    while (next < end && under.length <= ahead) {
      const item = make(next++)
      // Its failure is thrown in its turn; until then it must not count as unhandled.
      item.catch(() => undefined)
      under.push(item)
    }
  }
  try {
    for (startMore(); under.length > 0; startMore()) yield await under.shift()!
  } finally {
    await Promise.allSettled(under)
  }
}
