import { deliverNotifications } from '@baton/core'
import type { Messenger, Store } from '@baton/core'
import type { Handlers } from '@baton/queue'

interface Deps {
  readonly store: Store
  readonly messenger: Messenger
  /** Quiet messages of an hour that a chat gets one by one. */
  readonly quietPerHour?: number
  /** Whether the messenger reaches this chat; what waits for another one stays. */
  readonly reaches: (chat: string) => boolean
  /** Aborted: the process is ending, and a long queue of messages is left to the next one. */
  readonly signal: AbortSignal
}

/** Pause of a job that this process leaves to the next one. */
const handOnMs = 1_000

/**
 * The bot's jobs. The queue runs one delivery of a chat at a time, so its messages keep their order; a chat that
 * Telegram wants left alone is postponed, and the others go on.
 */
export function botJobs({ store, messenger, quietPerHour, reaches, signal }: Deps): Handlers<'bot'> {
  const untilClosing: Messenger = {
    send: async (...message) => {
      signal.throwIfAborted()
      await messenger.send(...message)
    },
    sendDigest: async (...digest) => {
      signal.throwIfAborted()
      return messenger.sendDigest(...digest)
    },
  }
  const deps = { store, messenger: untilClosing, ...(quietPerHour !== undefined && { quietPerHour }) }
  return {
    'deliver-notifications': async (payload, { postpone }) => {
      if (!reaches(payload.chat)) return
      try {
        const pauseSeconds = await deliverNotifications(deps, payload)
        if (pauseSeconds !== null) await postpone(Math.ceil(pauseSeconds * 1000))
      } catch (error) {
        if (error !== signal.reason) throw error
        await postpone(handOnMs)
      }
    },
  }
}
