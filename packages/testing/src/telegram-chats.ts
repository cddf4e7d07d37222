import { BotApiError, badRequest } from './telegram-error.ts'

export interface FloodLimit {
  /** Messages that a chat takes at once. */
  readonly burst: number
  readonly perSecond: number
}

interface ChatState {
  blocked: boolean
  movedTo: number | null
  /** Nothing is taken before this moment, in ms. */
  closedUntil: number
  /** Messages that may be sent now, and when that was so, in ms. */
  tokens: number
  asOf: number
}

/** Chats that the bot may write to, each with its own token bucket. A chat is known once somebody wrote from it. */
export function chatBook(limit: FloodLimit | null, now: () => number) {
  const chats = new Map<number, ChatState>()
  const meet = (id: number): ChatState => {
    const chat = chats.get(id) ?? {
      blocked: false,
      movedTo: null,
      closedUntil: 0,
      tokens: limit?.burst ?? 0,
      asOf: now(),
    }
    chats.set(id, chat)
    return chat
  }
  return {
    meet,
    /** Closes a chat for so long, as after a flood of messages. */
    closeFor: (id: number, seconds: number) => void (meet(id).closedUntil = now() + seconds * 1000),
    /**
     * Takes one message's worth from a chat's bucket.
     * @throws {BotApiError} as the Bot API refuses: 400 unknown or migrated, 403 blocked, 429 too many
     */
    admit: (id: number): void => {
      const chat = chats.get(id)
      if (chat === undefined) throw badRequest('chat not found')
      if (chat.movedTo !== null) {
        const description = 'Bad Request: group chat was upgraded to a supergroup chat'
        throw new BotApiError(400, description, { migrate_to_chat_id: chat.movedTo })
      }
      if (chat.blocked)
        throw new BotApiError(
          403,
          id < 0 ? 'Forbidden: bot was kicked from the group chat' : 'Forbidden: bot was blocked by the user',
        )
      const closedMs = chat.closedUntil - now()
      if (closedMs > 0) throw tooManyRequests(Math.ceil(closedMs / 1000))
      if (limit !== null) drain(chat, limit, now())
    },
  }
}

function drain(chat: ChatState, { burst, perSecond }: FloodLimit, now: number): void {
  chat.tokens = Math.min(burst, chat.tokens + ((now - chat.asOf) / 1000) * perSecond)
  chat.asOf = now
  if (chat.tokens < 1) throw tooManyRequests(Math.ceil((1 - chat.tokens) / perSecond))
  chat.tokens -= 1
}

function tooManyRequests(seconds: number): BotApiError {
  return new BotApiError(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds })
}
