import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@baton/log'
import { TelegramError } from 'telegraf'

/** Longest pause between two tries: an outage is noticed to be over soon, and does not fill the log. */
const pauseMaxSeconds = 30

/**
 * Repeats a call until it succeeds, after pauses of 1, 2, 4 … 30 s, or those that Telegram asks for.
 *
 * @returns The call's result; undefined if the signal aborted first.
 */
export async function keepTrying<T>(
  work: () => Promise<T>,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<T | undefined> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted) return undefined
      const asked = error instanceof TelegramError ? error.parameters?.retry_after : undefined
      const pauseSeconds = asked ?? Math.min(pauseMaxSeconds, 2 ** failures)
      log.warn({ error, pauseSeconds }, 'telegram does not answer as it should, trying again')
      await sleep(pauseSeconds * 1000, undefined, { signal }).catch(() => undefined)
    }
  }
  return undefined
}
