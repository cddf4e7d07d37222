import type { StreamItem } from '@baton/contracts'

/** Where a feed's items come from. Places only grow within a key. */
export interface FeedSource<T> {
  /** The newest place of a key; 0 where nothing has happened yet. */
  head(key: string): Promise<number>
  /** What came after the place of each key, in order, at most so much of each: one look for all that is followed. */
  news(after: ReadonlyMap<string, number>, limit: number): Promise<ReadonlyMap<string, readonly StreamItem<T>[]>>
}

export interface Follow<T> {
  /** Begins after this place; null: with what comes from now on. */
  readonly after: number | null
  /** Reads what was before: items after a place that are wanted, in order, at most so many. */
  readonly replay: (after: number, limit: number) => Promise<readonly StreamItem<T>[]>
  /** Which of the key's items are wanted; all by default. */
  readonly accepts?: (data: T) => boolean
  readonly signal: AbortSignal
}

export interface Feed<T> {
  /**
   * Where following begins, and what comes after it: each item once, in order, until the signal aborts. The place is
   * known at once, so that one who is cut off before anything happened misses nothing.
   */
  follow(key: string, options: Follow<T>): Promise<Following<T>>
}

export interface Following<T> {
  readonly place: number
  readonly items: AsyncIterable<StreamItem<T>>
}

/** Items read at once, and kept for a reader that is behind: one that falls further back reads them again. */
const batch = 500

/**
 * Tells followers of one kind of thing what is new. However many follow, one look a pause finds the news of all, and
 * there is none while nobody follows.
 *
 * A follower is registered first and reads what was before afterwards, so nothing falls between the two; what both
 * bring is told by its place, and comes once.
 *
 * @param pause Resolves when it is time to look again.
 * @param onError Told when a look failed; the next one brings what it would have.
 */
export function openFeed<T>(
  source: FeedSource<T>,
  { pause, onError }: { pause: () => Promise<void>; onError: (error: unknown) => void },
): Feed<T> {
  const keys = new Map<string, Key<T>>()
  let isLooking = false

  const look = async () => {
    isLooking = true
    while (keys.size > 0) {
      await pause()
      const places = new Map([...keys].map(([key, { place }]) => [key, place]))
      await source.news(places, batch).then(tell, onError)
    }
    isLooking = false
  }
  const tell = (news: ReadonlyMap<string, readonly StreamItem<T>[]>) => {
    for (const [name, items] of news) {
      const key = keys.get(name)
      if (key === undefined || items.length === 0) continue
      // A key that was let go and taken up again meanwhile may be ahead of what was asked for.
      key.place = Math.max(key.place, items.at(-1)!.place)
      for (const follower of key.followers) follower.push(items)
    }
  }
  const join = async (name: string, follower: Follower<T>) => {
    const place = keys.get(name)?.place ?? (await source.head(name))
    const key = keys.get(name) ?? { place, followers: new Set() }
    keys.set(name, key)
    key.followers.add(follower)
    if (!isLooking) void look()
    return key.place
  }
  const leave = (name: string, follower: Follower<T>) => {
    const key = keys.get(name)
    key?.followers.delete(follower)
    if (key?.followers.size === 0) keys.delete(name)
  }
  return {
    follow: async (name, options) => {
      const follower = createFollower(options)
      const head = await join(name, follower)
      const place = options.after ?? head
      // The iterable may never be read: its own end would not come then.
      const end = () => leave(name, follower)
      options.signal.addEventListener('abort', end, { once: true })
      if (options.signal.aborted) end()
      return { place, items: itemsOf(follower, options, place) }
    },
  }
}

/** What is followed under one name, by whom, and how far it was looked at. */
interface Key<T> {
  place: number
  readonly followers: Set<Follower<T>>
}

interface Follower<T> {
  push(items: readonly StreamItem<T>[]): void
  /** Starts keeping news, from nothing. */
  restart(): void
  /** Waits for news: null if they were more than is kept, so they must be read again; empty once the signal aborted. */
  next(): Promise<readonly StreamItem<T>[] | null>
}

async function* itemsOf<T>(follower: Follower<T>, options: Follow<T>, start: number): AsyncIterable<StreamItem<T>> {
  const { replay, signal } = options
  let place = start
  while (!signal.aborted) {
    // Kept from before the reading on, so that nothing falls between.
    follower.restart()
    const before = await replay(place, batch)
    for (const item of before) {
      yield item
      place = item.place
    }
    if (before.length === batch) continue
    for (let news = await follower.next(); news !== null && !signal.aborted; news = await follower.next())
      for (const item of news)
        if (item.place > place) {
          yield item
          place = item.place
        }
  }
}

function createFollower<T>({ accepts = () => true, signal }: Follow<T>): Follower<T> {
  let kept: StreamItem<T>[] = []
  let isBehind = false
  let wake: () => void = () => undefined
  signal.addEventListener('abort', () => wake(), { once: true })
  return {
    push: (items) => {
      const wanted = items.filter(({ data }) => accepts(data))
      isBehind ||= kept.length + wanted.length > batch
      kept = isBehind ? [] : [...kept, ...wanted]
      if (isBehind || kept.length > 0) wake()
    },
    restart: () => {
      kept = []
      isBehind = false
    },
    next: async () => {
      if (!isBehind && kept.length === 0 && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      if (isBehind) return null
      const news = kept
      kept = []
      return news
    },
  }
}
