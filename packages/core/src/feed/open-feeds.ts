import type { Event, StoredLogLine, StoredMetric } from '@baton/contracts'
import type { Store } from '../store.ts'
import { openFeed } from './feed.ts'
import type { Feed } from './feed.ts'

/** What a process tells its followers: all events under one key, lines and points under their fold's id. */
export interface Feeds {
  readonly events: Feed<Event>
  readonly logs: Feed<StoredLogLine>
  readonly metrics: Feed<StoredMetric>
}

/** All events: their places are one order, whatever a follower wants of them. */
export const allEvents = 'all'

/** Feeds on a store; `pause` and `onError` as of `openFeed`. */
export function openFeeds(store: Store, options: Parameters<typeof openFeed>[1]): Feeds {
  const settle = () => settleEvents({ store })
  return {
    events: openFeed(
      {
        head: async () => {
          await settle()
          return store.events.head()
        },
        news: async (after, limit) => {
          await settle()
          return new Map([[allEvents, await store.events.feed({ after: after.get(allEvents)!, limit, scope: null })]])
        },
      },
      options,
    ),
    logs: openFeed(store.logs, options),
    metrics: openFeed(store.metrics, options),
  }
}

/**
 * Gives the events that have committed their places in the feed. Done by whoever looks: ids are given before a commit,
 * so a reader of ids would pass over an event that commits after one with a higher id.
 */
export async function settleEvents({ store }: { store: Store }): Promise<void> {
  if (await store.events.isUnsettled()) await store.transaction((tables) => tables.events.settle())
}
