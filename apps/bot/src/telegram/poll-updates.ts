import type { Log } from '@baton/log'
import type { Update } from 'telegraf/types'
import type { BotApi } from './bot-api.ts'
import { keepTrying } from './keep-trying.ts'

/** Telegram holds a call this long until there is an update. */
const waitSeconds = 50

/**
 * Takes updates by long polling until the signal aborts. An update is confirmed once it was handled, so one that was
 * being handled when the process died comes again, and so does one that could not be handled.
 *
 * Telegraf's own polling ends for good when another bot polls with the same token, as during a rolling restart, and
 * cannot be stopped while it waits after an error; this one goes on, and stops at once.
 */
export async function pollUpdates(
  { api, log, signal }: { api: BotApi; log: Log; signal: AbortSignal },
  handle: (update: Update) => Promise<void>,
): Promise<void> {
  await keepTrying(() => api.deleteWebhook(), { log, signal })
  let offset = 0
  const takeSome = async () => {
    const updates = await api.getUpdates({ offset, waitSeconds, signal })
    await Promise.all(byChat(updates).map((ofChat) => inOrder(ofChat, handle)))
    offset = Math.max(offset, ...updates.map((update) => update.update_id + 1))
  }
  while (!signal.aborted) await keepTrying(takeSome, { log, signal })
  // What was handled last is confirmed by the next call only; without one the next bot would handle it again.
  if (offset > 0)
    await api
      .getUpdates({ offset, waitSeconds: 0 })
      .catch((error: unknown) => log.debug({ error }, 'last updates not confirmed'))
}

/** Updates of one chat together, in their order: `/mute` and `/unmute` must not overtake each other. */
function byChat(updates: readonly Update[]): Update[][] {
  const chats = new Map<number | undefined, Update[]>()
  for (const update of updates) {
    const chat = chatOf(update)
    chats.set(chat, [...(chats.get(chat) ?? []), update])
  }
  return [...chats.values()]
}

async function inOrder(updates: readonly Update[], handle: (update: Update) => Promise<void>): Promise<void> {
  for (const update of updates) await handle(update)
}

function chatOf(update: Update): number | undefined {
  if ('message' in update) return update.message.chat.id
  if ('callback_query' in update) return update.callback_query.message?.chat.id
  return 'my_chat_member' in update ? update.my_chat_member.chat.id : undefined
}
