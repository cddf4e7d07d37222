import { dispatchOutbox } from '@baton/core'
import type { JobQueue, Store } from '@baton/core'
import type { Log } from '@baton/log'

/** A queue that is there takes milliseconds. */
const limitMs = 2_000

/**
 * Moves what a request asked for into the queue, so that a waiting session gets it at once. Await it where whoever has
 * the answer may count on the queue: that a fold was moved ahead of others, say.
 *
 * What was accepted stays accepted: a queue that fails or does not answer costs the caller two seconds and no error,
 * since the coordinator moves the rest once the queue is back. One move runs at a time; who comes meanwhile shares the
 * next one.
 */
export function dispatchSoon(deps: { store: Store; queue: JobQueue }, log: Log): () => Promise<void> {
  let moving: Promise<void> | null = null
  let next: Promise<void> | null = null

  const move = async () => {
    await dispatchOutbox(deps).catch((error: unknown) => log.warn({ error }, 'outbox not moved, the coordinator will'))
    moving = null
  }
  const begin = () => {
    next = null
    return (moving = move())
  }
  return async () => {
    const moved = moving ? (next ??= moving.then(begin)) : begin()
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs)
    })
    await Promise.race([moved, limit])
    clearTimeout(timer)
  }
}
