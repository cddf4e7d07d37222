/**
 * What a message may use up of a chat's allowance. Urgent ones may use all of it, so that they wait for nothing but
 * Telegram itself; quiet ones leave some for them, and cards, whose next state says the same, leave some for both.
 */
export type Lane = 'urgent' | 'quiet' | 'card'

interface Limit {
  /** Messages at once, after a pause. */
  readonly burst: number
  readonly perSecond: number
  /** Messages that must be left over, by lane. */
  readonly leave: Readonly<Record<Lane, number>>
}

/** Telegram names 1 message a second for a chat, 20 a minute for a group and 30 a second over all; short bursts pass. */
const limits = {
  chat: { burst: 4, perSecond: 1, leave: { urgent: 0, quiet: 2, card: 3 } },
  group: { burst: 20, perSecond: 20 / 60, leave: { urgent: 0, quiet: 5, card: 10 } },
  all: { burst: 30, perSecond: 30, leave: { urgent: 0, quiet: 5, card: 10 } },
} as const satisfies Record<string, Limit>

export interface Throttle {
  /** Takes one message's worth and answers 0; or takes nothing and answers in how many seconds to ask again. */
  take(chatId: number, lane: Lane): number
  /** Notes a message that waits for nobody, as an answer does. */
  note(chatId: number): void
  /** Telegram wants the chat left alone for so long. */
  close(chatId: number, seconds: number): void
}

/**
 * Keeps what this process sends within Telegram's limits. It is a courtesy: what Telegram itself says (429) holds, also
 * where several bots share a token.
 *
 * @param options.now Milliseconds that only grow.
 */
export function createThrottle({ now }: { now: () => number }): Throttle {
  const all = bucket(limits.all, now)
  const chats = new Map<number, { buckets: Bucket[]; closedUntil: number }>()
  const chatOf = (chatId: number) => {
    const own = chats.get(chatId) ?? {
      buckets: [all, bucket(limits.chat, now), ...(chatId < 0 ? [bucket(limits.group, now)] : [])],
      closedUntil: 0,
    }
    chats.set(chatId, own)
    return own
  }
  return {
    take: (chatId, lane) => {
      const { buckets, closedUntil } = chatOf(chatId)
      const seconds = Math.max((closedUntil - now()) / 1000, ...buckets.map((one) => one.wait(lane)))
      if (seconds > 0) return seconds
      for (const one of buckets) one.drain()
      return 0
    },
    note: (chatId) => {
      for (const one of chatOf(chatId).buckets) one.drain()
    },
    close: (chatId, seconds) => {
      chatOf(chatId).closedUntil = now() + seconds * 1000
    },
  }
}

type Bucket = ReturnType<typeof bucket>

function bucket({ burst, perSecond, leave }: Limit, now: () => number) {
  let level: number = burst
  let asOf = now()
  const fill = () => {
    const at = now()
    level = Math.min(burst, level + ((at - asOf) / 1000) * perSecond)
    asOf = at
  }
  return {
    /** Seconds until a message of the lane may go; 0 or less: now. */
    wait: (lane: Lane): number => {
      fill()
      // What a rounded clock leaves short of a whole message is none.
      const missing = leave[lane] + 1 - level
      return missing < 1e-6 ? 0 : missing / perSecond
    },
    drain: () => {
      fill()
      level -= 1
    },
  }
}
