import { BotApiError } from './telegram-error.ts'

export interface FakeUpdate {
  readonly update_id: number
  readonly [kind: string]: unknown
}

interface Poll {
  readonly offset: number
  readonly limit: number
  readonly timeoutMs: number
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal
}

interface Waiting {
  end(error?: Error): void
}

/**
 * Updates until they are confirmed: those below the offset of a getUpdates call are forgotten, the others come again.
 * A second call ends the first with 409, as when two bots run on one token.
 */
export function updateQueue() {
  let next = 1
  let pending: FakeUpdate[] = []
  let waiting: Waiting | null = null

  const wait = (timeoutMs: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const mine: Waiting = {
        end: (error) => {
          clearTimeout(timer)
          if (waiting === mine) waiting = null
          if (error) reject(error)
          else resolve()
        },
      }
      const timer = setTimeout(() => mine.end(), timeoutMs)
      signal.addEventListener('abort', () => mine.end(), { once: true })
      waiting = mine
    })

  return {
    /** Unconfirmed updates, oldest first. */
    pending: (): readonly FakeUpdate[] => pending,
    add: (content: Record<string, unknown>): FakeUpdate => {
      const update = { update_id: next++, ...content }
      pending.push(update)
      waiting?.end()
      return update
    },
    confirm: (id: number) => void (pending = pending.filter((update) => update.update_id !== id)),
    /** Ends a long poll that waits, with what there is. */
    wake: () => waiting?.end(),
    poll: async ({ offset, limit, timeoutMs, signal }: Poll): Promise<FakeUpdate[]> => {
      const other = 'terminated by other getUpdates request; make sure that only one bot instance is running'
      waiting?.end(new BotApiError(409, `Conflict: ${other}`))
      // A negative offset counts from the end; everything before it is forgotten.
      const from = offset < 0 ? (pending.at(offset)?.update_id ?? 0) : offset
      pending = pending.filter((update) => update.update_id >= from)
      if (pending.length === 0 && timeoutMs > 0) await wait(timeoutMs, signal)
      return pending.slice(0, limit)
    },
  }
}
