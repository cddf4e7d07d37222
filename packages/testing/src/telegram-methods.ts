import { badRequest, BotApiError } from './telegram-error.ts'
import type { chatBook } from './telegram-chats.ts'
import { textOfHtml } from './telegram-html.ts'
import type { updateQueue } from './telegram-updates.ts'

/** A message that the bot sent. */
export interface FakeMessage {
  readonly message_id: number
  readonly date: number
  readonly chat: { id: number; type: string; title?: string; first_name?: string }
  readonly from: object
  /** As people see it: without markup. */
  text: string
  /** As it was sent. */
  source: string
  silent: boolean
  reply_markup?: unknown
}

export interface Webhook {
  readonly url: string
  readonly secretToken: string | null
}

type Params = Readonly<Record<string, unknown>>
type Method = (params: Params, signal: AbortSignal) => unknown

interface State {
  readonly me: Readonly<Record<string, unknown>>
  readonly chats: ReturnType<typeof chatBook>
  readonly updates: ReturnType<typeof updateQueue>
  readonly hook: { current: Webhook | null }
  /** Those that nobody deleted can be edited. */
  readonly messages: readonly FakeMessage[]
  readonly deleted: ReadonlySet<FakeMessage>
  /** Callback queries that wait for their answer. */
  readonly callbacks: Set<string>
  /** What the presser of each was told, by id. */
  readonly answered: Map<string, string>
  store(message: Omit<FakeMessage, 'message_id'>): FakeMessage
  /** Wakes whoever waits for a message, an edit or an answer. */
  changed(): void
}

/** The methods that a bot like ours calls, by name. */
export function botApiMethods(state: State): Readonly<Record<string, Method>> {
  const { me, chats, updates, hook } = state
  return {
    getMe: () => me,
    setMyCommands: (params) => commandsOf(params),
    getUpdates: (params, signal) => {
      if (hook.current !== null) {
        const reason =
          "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
        throw new BotApiError(409, `Conflict: ${reason}`)
      }
      return updates.poll({
        offset: Number(params.offset ?? 0),
        limit: Math.min(100, Number(params.limit ?? 100)),
        timeoutMs: 1000 * Number(params.timeout ?? 0),
        signal,
      })
    },
    setWebhook: (params) => {
      hook.current = webhookOf(params)
      return true
    },
    deleteWebhook: () => {
      hook.current = null
      return true
    },
    getWebhookInfo: () => ({ url: hook.current?.url ?? '', pending_update_count: updates.pending().length }),
    sendMessage: (params) => {
      const chatId = chatIdOf(params)
      const content = contentOf(params)
      chats.admit(chatId)
      return state.store({
        date: 0,
        chat: { id: chatId, type: chatId < 0 ? 'supergroup' : 'private' },
        from: me,
        silent: params.disable_notification === true,
        ...content,
      })
    },
    editMessageText: (params) => {
      chats.admit(chatIdOf(params))
      const message = state.messages.find(
        ({ message_id: id, chat }) => id === Number(params.message_id) && chat.id === chatIdOf(params),
      )
      if (message === undefined || state.deleted.has(message)) throw badRequest('message to edit not found')
      const content = contentOf(params)
      if (message.source === content.source && same(message.reply_markup, content.reply_markup))
        throw badRequest(
          'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
        )
      Object.assign(message, { reply_markup: undefined }, content)
      state.changed()
      return message
    },
    answerCallbackQuery: (params) => {
      const id = String(params.callback_query_id)
      const text = typeof params.text === 'string' ? params.text : ''
      if (text.length > 200) throw badRequest('MESSAGE_TOO_LONG')
      if (!state.callbacks.delete(id))
        throw badRequest('query is too old and response timeout expired or query ID is invalid')
      state.answered.set(id, text)
      state.changed()
      return true
    },
  }
}

function chatIdOf(params: Params): number {
  if (params.chat_id === undefined || params.chat_id === '') throw badRequest('chat_id is empty')
  const id = Number(params.chat_id)
  if (!Number.isSafeInteger(id)) throw badRequest('chat not found')
  return id
}

/** Text and buttons of a message that is sent or edited. */
function contentOf(params: Params): { text: string; source: string; reply_markup?: unknown } {
  if (typeof params.text !== 'string') throw badRequest('message text is empty')
  const source = params.text
  if (params.parse_mode !== undefined && params.parse_mode !== 'HTML') throw badRequest('unsupported parse_mode')
  const text = params.parse_mode === 'HTML' ? textOfHtml(source) : source
  if (text.trim() === '') throw badRequest('message text is empty')
  if (text.length > 4096) throw badRequest('message is too long')
  return { text, source, ...markupOf(params) }
}

function markupOf({ reply_markup: given }: Params): { reply_markup?: unknown } {
  if (given === undefined) return {}
  const markup = (typeof given === 'string' ? JSON.parse(given) : given) as {
    inline_keyboard?: { text?: string; callback_data?: string }[][]
  }
  for (const { text, callback_data: data } of (markup.inline_keyboard ?? []).flat()) {
    if (!text) throw badRequest("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if (data !== undefined && (data === '' || Buffer.byteLength(data) > 64)) throw badRequest('BUTTON_DATA_INVALID')
  }
  return { reply_markup: markup }
}

function webhookOf({ url, secret_token: secret }: Params): Webhook | null {
  if (url === '') return null
  if (typeof url !== 'string' || !url.startsWith('https://'))
    throw badRequest('bad webhook: An HTTPS URL must be provided for webhook')
  if (secret === undefined) return { url, secretToken: null }
  if (typeof secret !== 'string' || !/^[\w-]{1,256}$/.test(secret))
    throw badRequest('secret token contains unallowed characters')
  return { url, secretToken: secret }
}

function commandsOf({ commands }: Params): true {
  const list = (typeof commands === 'string' ? JSON.parse(commands) : commands) as
    { command?: string; description?: string }[] | undefined
  for (const { command = '', description = '' } of list ?? []) {
    if (!/^[a-z0-9_]{1,32}$/.test(command)) throw badRequest('BOT_COMMAND_INVALID')
    if (description.length < 1 || description.length > 256) throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID')
  }
  return true
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
