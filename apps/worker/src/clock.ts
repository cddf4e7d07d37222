import { setTimeout } from 'node:timers/promises'

/** Time as a session uses it: how long things take, never what time it is, since notebooks' clocks differ. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number
  /** Waits. Rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Node's own timers end at 2³¹ − 1 ms: a longer wait would end at once. */
const longestSleepMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await setTimeout(Math.min(ms, longestSleepMs), undefined, signal ? { signal } : {})
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    }
  },
}
