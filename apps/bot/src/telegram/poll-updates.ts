import type { Log } from '@baton/log'
import type { Update } from 'telegraf/types'
import type { BotApi } from './bot-api.ts'
import { keepTrying } from './keep-trying.ts'

/** Telegram holds a call this long until there is an update. */
const waitSeconds = 50

/**
 * Takes updates by long polling until the signal aborts. An update is confirmed once it was handled, so one that was
 * being handled when the process died comes again.
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
  while (!signal.aborted) {
    const updates = await keepTrying(() => api.getUpdates({ offset, waitSeconds, signal }), { log, signal })
    await Promise.all((updates ?? []).map(handle))
    offset = Math.max(offset, ...(updates ?? []).map((update) => update.update_id + 1))
  }
  // What was handled last is confirmed by the next call only; without one the next bot would handle it again.
  if (offset > 0)
    await api
      .getUpdates({ offset, waitSeconds: 0 })
      .catch((error: unknown) => log.debug({ error }, 'last updates not confirmed'))
}
