import { TelegramError } from 'telegraf'
import type { Telegram } from 'telegraf'
import type { Update, UserFromGetMe } from 'telegraf/types'
import { withoutToken } from './without-token.ts'

/** The few calls that the bot makes. None of their errors carries the token. */
export interface BotApi {
  getMe(signal?: AbortSignal): Promise<UserFromGetMe>
  setCommands(commands: readonly { command: string; description: string }[]): Promise<void>
  /** Makes Telegram call this address with updates, the secret in its header. */
  setWebhook(url: string, secretToken: string): Promise<void>
  deleteWebhook(): Promise<void>
  /** Waits up to `waitSeconds` for updates from `offset` on; those before it are confirmed. */
  getUpdates(from: { offset: number; waitSeconds: number; signal?: AbortSignal }): Promise<Update[]>
  sendHtml(chatId: number, html: string, options?: { quiet: boolean }): Promise<void>
}

/** Kinds of update that the bot wants. */
const wanted = ['message', 'my_chat_member'] as const
/** A call that takes longer is given up: the connection is dead, though nobody said so. */
const answerMs = 20_000

/** Telegraf's client behind a time limit, with the token taken out of its errors. */
export function botApi(telegram: Telegram): BotApi {
  const call = async <T>(
    work: (options: { signal: never }) => Promise<T>,
    { waitMs = 0, signal }: { waitMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<T> => {
    const limit = AbortSignal.timeout(answerMs + waitMs)
    try {
      // Telegraf's type is that of an older AbortSignal; it only listens for `abort`.
      return await work({ signal: (signal ? AbortSignal.any([signal, limit]) : limit) as never })
    } catch (error) {
      throw error instanceof TelegramError ? error : withoutToken(error, telegram.token)
    }
  }
  return {
    getMe: (signal) => call((options) => telegram.callApi('getMe', {}, options), { signal }),
    setCommands: async (commands) =>
      void (await call((options) => telegram.callApi('setMyCommands', { commands }, options))),
    setWebhook: async (url, secretToken) =>
      void (await call((options) =>
        telegram.callApi('setWebhook', { url, secret_token: secretToken, allowed_updates: wanted }, options),
      )),
    deleteWebhook: async () => void (await call((options) => telegram.callApi('deleteWebhook', {}, options))),
    getUpdates: ({ offset, waitSeconds, signal }) =>
      call(
        (options) => telegram.callApi('getUpdates', { offset, timeout: waitSeconds, allowed_updates: wanted }, options),
        { waitMs: waitSeconds * 1000, signal },
      ),
    sendHtml: async (chatId, html, { quiet } = { quiet: false }) => {
      const message = { chat_id: chatId, text: html, parse_mode: 'HTML', disable_notification: quiet } as const
      const noPreview = { link_preview_options: { is_disabled: true } }
      await call((options) => telegram.callApi('sendMessage', { ...message, ...noPreview }, options))
    },
  }
}
