import { Telegram, TelegramError } from 'telegraf'
import type { Update, UserFromGetMe } from 'telegraf/types'
import { withoutToken } from './without-token.ts'

/** Rows of buttons below a message. `data` is sent back when it is pressed. */
export type Keyboard = readonly (readonly { readonly text: string; readonly data: string }[])[]

export interface Content {
  readonly html: string
  /** Default none. */
  readonly keyboard?: Keyboard | undefined
}

/** The few calls that the bot makes. None of their errors carries the token. */
export interface BotApi {
  getMe(signal?: AbortSignal): Promise<UserFromGetMe>
  setCommands(commands: readonly { command: string; description: string }[]): Promise<void>
  /** Makes Telegram call this address with updates, the secret in its header. */
  setWebhook(url: string, secretToken: string): Promise<void>
  deleteWebhook(): Promise<void>
  /** Waits up to `waitSeconds` for updates from `offset` on; those before it are confirmed. */
  getUpdates(from: { offset: number; waitSeconds: number; signal?: AbortSignal }): Promise<Update[]>
  /** Sends a message and returns its id. */
  send(chatId: number, content: Content & { readonly hasSound?: boolean }): Promise<number>
  /** Edits a message, also to what it shows already; false: it is not there any more. */
  edit(chatId: number, messageId: number, content: Content): Promise<boolean>
  /** Answers a pressed button: a line that is shown for a moment. Too late is no error: nobody waits any more. */
  answerButton(queryId: string, text: string): Promise<void>
}

/** Kinds of update that the bot wants. */
const wanted = ['message', 'callback_query', 'my_chat_member'] as const
/** A call that takes longer is given up: the connection is dead, though nobody said so. */
const answerMs = 20_000
/** Characters of the line that a pressed button shows. */
const buttonAnswerMax = 200

/** Telegraf's client behind a time limit, with the token taken out of its errors. */
export function botApi({ token, apiRoot }: { token: string; apiRoot?: string | undefined }): BotApi {
  const telegram = new Telegram(token, apiRoot === undefined ? {} : { apiRoot })
  const call = async <T>(
    work: (options: { signal: never }) => Promise<T>,
    { waitMs = 0, signal }: { waitMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<T> => {
    const limit = AbortSignal.timeout(answerMs + waitMs)
    try {
      // Telegraf's type is that of an older AbortSignal; it only listens for `abort`.
      return await work({ signal: (signal ? AbortSignal.any([signal, limit]) : limit) as never })
    } catch (error) {
      throw error instanceof TelegramError ? error : withoutToken(error, token)
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
    send: async (chatId, { hasSound = true, ...content }) => {
      const message = { chat_id: chatId, disable_notification: !hasSound, ...contentOf(content) }
      const { message_id: id } = await call((options) => telegram.callApi('sendMessage', message, options))
      return id
    },
    edit: async (chatId, messageId, content) => {
      const message = { chat_id: chatId, message_id: messageId, ...contentOf(content) }
      try {
        await call((options) => telegram.callApi('editMessageText', message, options))
        return true
      } catch (error) {
        if (isRefusal(error, /message is not modified/i)) return true
        if (isRefusal(error, /message (to edit not found|can't be edited)|MESSAGE_ID_INVALID/i)) return false
        throw error
      }
    },
    answerButton: async (queryId, text) => {
      const answer = { callback_query_id: queryId, text: [...text].slice(0, buttonAnswerMax).join('') }
      try {
        await call((options) => telegram.callApi('answerCallbackQuery', answer, options))
      } catch (error) {
        if (!isRefusal(error, /query is too old|query ID is invalid/i)) throw error
      }
    },
  }
}

function contentOf({ html, keyboard = [] }: Content) {
  const rows = keyboard.map((row) => row.map(({ text, data }) => ({ text, callback_data: data })))
  return {
    text: html,
    parse_mode: 'HTML',
    link_preview_options: { is_disabled: true },
    // An edit without buttons takes away those that were there.
    ...(rows.length > 0 && { reply_markup: { inline_keyboard: rows } }),
  } as const
}

function isRefusal(error: unknown, description: RegExp): boolean {
  return error instanceof TelegramError && error.code === 400 && description.test(error.description)
}
