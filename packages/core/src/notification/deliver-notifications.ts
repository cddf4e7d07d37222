import type { Event } from '@baton/contracts'
import type { DueNotification, QuietState, Store } from '../store.ts'

/** Sends messages. How long a chat must be left alone, or that it is gone, is thrown as these. */
export interface Messenger {
  send(chatId: number, event: Event, options: { hasSound: boolean }): Promise<void>
  /** Tells of several events in one message, without a sound. Returns how many it had room for, the first ones. */
  sendDigest(chatId: number, events: readonly Event[]): Promise<number>
}

/** A pause is needed: nothing was sent. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter'
  readonly seconds: number
  constructor(seconds: number) {
    super(`retry after ${seconds} s`)
    this.seconds = seconds
  }
}

/** The chat blocked the bot, or is gone: nothing more is sent to it. */
export class ChatGone extends Error {
  override readonly name = 'ChatGone'
}

interface Deps {
  readonly store: Store
  readonly messenger: Messenger
  /** Quiet messages that a chat gets one by one in an hour; more are gathered. Default 12. */
  readonly quietPerHour?: number
}

const batch = 25
/** Events that one digest is made from at most. */
const digestMax = 500
/** Quiet messages beyond those of the hour come as one this long after the first of them. */
const gatherSeconds = 1800

/**
 * Sends a chat what it has not been told: urgent notifications first, then quiet ones, each kind in the order of its
 * events. Each is marked once it was sent: a crash in between sends one message again, and never loses one.
 *
 * Quiet notifications beyond `quietPerHour`, and all of them in a chat with a digest hour, are held and come as one
 * message. What is held is not waited for here: the chat counts as waiting again when it is due.
 *
 * @returns Seconds after which to go on, when a pause is needed; null when all is told that is due.
 */
export async function deliverNotifications(deps: Deps, { chat }: { chat: string }): Promise<number | null> {
  const { notifications } = deps.store
  for (;;) {
    const due = await notifications.due(chat, batch)
    if (due.length === 0) return null
    try {
      if (due[0]!.isUrgent)
        for (const notification of due.filter(({ isUrgent }) => isUrgent)) await tell(deps, notification)
      else await tellQuiet(deps, chat, due)
    } catch (error) {
      if (error instanceof RetryAfter) return error.seconds
      if (!(error instanceof ChatGone)) throw error
      await forgetChat(deps.store, due[0]!.chatId)
      return null
    }
  }
}

/** Unpairs a chat and gives up what it has not been sent. */
export async function forgetChat(store: Store, chatId: number): Promise<void> {
  await store.transaction(async ({ chats, notifications }) => {
    const chat = await chats.find(chatId)
    if (chat === null) return
    await chats.unpair(chatId)
    await notifications.drop(chat.id)
  })
}

async function tell(
  { store, messenger }: Deps,
  { id, chatId, event, isUrgent, isMuted }: DueNotification,
): Promise<void> {
  await messenger.send(chatId, event, { hasSound: isUrgent && !isMuted })
  await store.notifications.markSent([id])
}

/** Does one thing about quiet notifications: sends the first, or gathers them, or holds them. */
async function tellQuiet(deps: Deps, chat: string, due: readonly DueNotification[]): Promise<void> {
  const { notifications } = deps.store
  if (due.some(({ wasHeld }) => wasHeld)) {
    await notifications.hold(chat, 0)
    return tellHeld(deps, chat)
  }
  const seconds = holdSeconds(await notifications.quietState(chat), deps.quietPerHour ?? 12)
  if (seconds === null) await tell(deps, due[0]!)
  else await notifications.hold(chat, seconds)
}

async function tellHeld({ store, messenger }: Deps, chat: string): Promise<void> {
  const held = await store.notifications.held(chat, digestMax)
  const told = await messenger.sendDigest(
    held[0]!.chatId,
    held.map(({ event }) => event),
  )
  await store.notifications.markSent(held.slice(0, told).map(({ id }) => id))
}

/** How long what is new is held; null: not at all. Behind others that are held it waits with them, to keep its place. */
function holdSeconds(state: QuietState, quietPerHour: number): number | null {
  const { heldSeconds, digestHourSeconds, singlesLastHour } = state
  return heldSeconds ?? digestHourSeconds ?? (singlesLastHour < quietPerHour ? null : gatherSeconds)
}
