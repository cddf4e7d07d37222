/**
 * Does work on items side by side and hands the results out in the items' order. At most `width` are begun and
 * not yet handed out, so a slow reader holds the work back instead of piling results up.
 *
 * @throws the first error in the items' order, once what was begun has settled
 */
export async function* prefetch<T, R>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const begun: Promise<R>[] = []
  try {
    for (const item of items) {
      if (begun.length >= width) yield await begun.shift()!
      const promise = work(item)
      // Its error is met when its turn comes; until then it is not unhandled.
      promise.catch(() => undefined)
      begun.push(promise)
    }
    while (begun.length > 0) yield await begun.shift()!
  } finally {
    await Promise.allSettled(begun)
  }
}

/** Does work on all items, at most `width` at a time. Results stand in the items' order. */
export async function mapBounded<T, R>(items: Iterable<T>, width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for await (const result of prefetch(items, width, work)) results.push(result)
  return results
}
