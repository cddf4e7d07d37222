import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import fastify from 'fastify'
import type { FastifyReply } from 'fastify'
import { BotApiError } from './telegram-error.ts'
import { chatBook } from './telegram-chats.ts'
import type { FloodLimit } from './telegram-chats.ts'
import { botApiMethods } from './telegram-methods.ts'
import type { FakeMessage, Webhook } from './telegram-methods.ts'
import { updateQueue } from './telegram-updates.ts'
import type { FakeUpdate } from './telegram-updates.ts'

export interface FakeTelegramOptions {
  readonly token: string
  /** The bot's user name. Default `baton_test_bot`. */
  readonly botName?: string
  /** Per-chat limit of messages. Default none. */
  readonly limit?: FloodLimit
  /** Milliseconds, for flood limits. Default `performance.now`. */
  readonly now?: () => number
  /** Where webhook addresses lead: Telegram accepts only https, tests listen on loopback. By origin. */
  readonly origins?: Readonly<Record<string, string>>
}

/** What happens to the next message: refused (`flood`: and all others for so long), or stored while the answer is lost. */
export type SendFault =
  | { readonly kind: 'flood'; readonly seconds: number }
  | { readonly kind: 'blocked' }
  | { readonly kind: 'server-error' }
  /** Of what the message holds. */
  | { readonly kind: 'bad-content' }
  | { readonly kind: 'lost-answer' }

export interface FakeTelegram {
  /** Root of the Bot API, for `apiRoot`. */
  readonly url: string
  readonly token: string
  /** What the bot sent, in order, as it stands after edits. */
  readonly messages: readonly FakeMessage[]
  /** Every call with the right token: its method and parameters. */
  readonly calls: readonly { readonly method: string; readonly params: Readonly<Record<string, unknown>> }[]
  /** Updates that the bot has not confirmed. */
  readonly unconfirmed: readonly FakeUpdate[]
  /** What the pressers of buttons were told, by the id of the press. */
  readonly answered: ReadonlyMap<string, string>
  readonly user: {
    /** Somebody writes. Chats below 0 are groups. Resolves once Telegram holds it or, by webhook, once it was taken. */
    text(chatId: number, text: string): Promise<void>
    /** Somebody presses the button of a message that is labelled so, or sends other data in its place. Answers what they were told. */
    press(message: FakeMessage, button: { label: string } | { data: string }): Promise<string>
    /** Deletes a message of the bot's. */
    delete(message: FakeMessage): void
    /** Blocks the bot, or removes it from the group. */
    block(chatId: number): Promise<void>
    /** Turns a group into a supergroup, which has another id. */
    migrate(chatId: number, to: number): Promise<void>
  }
  /** Faults for the next calls that send or edit a message (of one chat, where named), first to last. */
  failNext(fault: SendFault, options?: { chatId?: number; times?: number }): void
  /** The first message that fits, as it stands already or will. */
  message(fits: (message: FakeMessage) => boolean): Promise<FakeMessage>
  /** Resolves once this many messages were stored, counted from the start. */
  sent(count: number): Promise<void>
  /** Sends unconfirmed updates to the webhook again. Answers the status of each. */
  redeliver(): Promise<number[]>
  /** Statuses that the webhook answered with, in order. */
  readonly webhookAnswers: readonly number[]
  close(): Promise<void>
}

/**
 * The Bot API as a server on loopback, as strict as the real one where a bot can get it wrong: token, chats, HTML,
 * lengths, button data, offsets and redelivery of updates, webhook secret, flood limits, edits that change nothing.
 */
export async function startFakeTelegram(options: FakeTelegramOptions): Promise<FakeTelegram> {
  const { token } = options
  const stored = new EventEmitter().setMaxListeners(0)
  const messages: FakeMessage[] = []
  const calls: { method: string; params: Record<string, unknown> }[] = []
  const webhookAnswers: number[] = []
  const answered = new Map<string, string>()
  const deleted = new Set<FakeMessage>()
  const callbacks = new Set<string>()
  const faults: { fault: SendFault; chatId: number | undefined }[] = []
  const updates = updateQueue()
  const chats = chatBook(options.limit ?? null, options.now ?? (() => performance.now()))
  const hook: { current: Webhook | null } = { current: null }
  let nextId = 1

  const bot = { id: Number(token.split(':')[0]), is_bot: true, first_name: 'Baton' }
  const store = (message: Omit<FakeMessage, 'message_id'>): FakeMessage => {
    const whole = { message_id: nextId++, ...message }
    messages.push(whole)
    changed()
    return whole
  }
  const changed = () => void stored.emit('message')
  const takeFault = (chatId: number): SendFault | undefined => {
    const index = faults.findIndex((planned) => planned.chatId === undefined || planned.chatId === chatId)
    return index < 0 ? undefined : faults.splice(index, 1)[0]!.fault
  }
  const methods = botApiMethods({
    me: { ...bot, username: options.botName ?? 'baton_test_bot', can_join_groups: true },
    chats,
    updates,
    hook,
    messages,
    deleted,
    callbacks,
    answered,
    store,
    changed,
  })

  const server = fastify({ forceCloseConnections: true })
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
  server.all<{ Params: { '*': string } }>('/*', async (request, reply) => {
    const refuse = ({ status, message, parameters }: BotApiError) =>
      reply
        .code(status)
        .send({ ok: false, error_code: status, description: message, ...(parameters && { parameters }) })
    try {
      const name = methodOf(request.params['*'], token)
      const params = { ...(request.query as object), ...(request.body as object | null) } as Record<string, unknown>
      const method = methods[name]
      if (method === undefined) throw new BotApiError(404, 'Not Found: method not found')
      calls.push({ method: name, params })
      const isWrite = name === 'sendMessage' || name === 'editMessageText'
      const fault = isWrite ? takeFault(Number(params.chat_id)) : undefined
      if (fault?.kind === 'flood') chats.closeFor(Number(params.chat_id), fault.seconds)
      if (fault?.kind === 'blocked') throw new BotApiError(403, 'Forbidden: bot was blocked by the user')
      if (fault?.kind === 'bad-content') throw new BotApiError(400, "Bad Request: can't parse entities")
      if (fault?.kind === 'server-error') throw new BotApiError(500, 'Internal Server Error')
      const result = await method(params, hangUp(reply))
      if (fault?.kind === 'lost-answer') return reply.hijack().raw.destroy()
      return { ok: true, result }
    } catch (error) {
      if (error instanceof BotApiError) return refuse(error)
      throw error
    }
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })

  const deliver = async (update: FakeUpdate): Promise<void> => {
    if (hook.current === null) return
    const status = await callWebhook(hook.current, update, options.origins ?? {})
    webhookAnswers.push(status)
    if (status >= 200 && status < 300) updates.confirm(update.update_id)
  }
  const push = (content: Record<string, unknown>) => deliver(updates.add(content))
  const say = (chatId: number, content: Record<string, unknown>) => {
    chats.meet(chatId)
    const sender = { id: Math.abs(chatId), is_bot: false, first_name: 'Ada' }
    return push({ message: { message_id: nextId++, date: 0, chat: chatOf(chatId), from: sender, ...content } })
  }
  const firstFit = async <T>(fits: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = fits()
      if (found !== undefined) return found
      await once(stored, 'message')
    }
  }

  return {
    url,
    token,
    messages,
    calls,
    answered,
    webhookAnswers,
    get unconfirmed() {
      return updates.pending()
    },
    user: {
      text: (chatId, text) => say(chatId, { text, ...commandEntity(text) }),
      press: async (message, button) => {
        const id = randomUUID()
        callbacks.add(id)
        const from = { id: Math.abs(message.chat.id), is_bot: false, first_name: 'Ada' }
        const data = 'data' in button ? button.data : dataOf(message, button.label)
        await push({ callback_query: { id, from, message, chat_instance: '1', data } })
        return firstFit(() => answered.get(id))
      },
      delete: (message) => void deleted.add(message),
      block: async (chatId) => {
        chats.meet(chatId).blocked = true
        const member = (status: string) => ({ user: bot, status })
        const change = { old_chat_member: member('member'), new_chat_member: member(chatId < 0 ? 'left' : 'kicked') }
        await push({ my_chat_member: { chat: chatOf(chatId), date: 0, from: bot, ...change } })
      },
      migrate: async (chatId, to) => {
        chats.meet(chatId).movedTo = to
        chats.meet(to)
        await push({
          message: { message_id: nextId++, date: 0, chat: chatOf(chatId), from: bot, migrate_to_chat_id: to },
        })
      },
    },
    failNext: (fault, { chatId, times = 1 } = {}) => {
      for (let i = 0; i < times; i++) faults.push({ fault, chatId })
    },
    message: (fits) => firstFit(() => messages.find(fits)),
    sent: async (count) => void (await firstFit(() => messages[count - 1])),
    redeliver: async () => {
      const before = webhookAnswers.length
      for (const update of updates.pending()) await deliver(update)
      return webhookAnswers.slice(before)
    },
    close: async () => {
      updates.wake()
      await server.close()
    },
  }
}

/** What the message's button of that label sends. */
function dataOf({ reply_markup: markup }: FakeMessage, label: string): string {
  const { inline_keyboard: rows } = markup as { inline_keyboard: { text: string; callback_data: string }[][] }
  return rows.flat().find(({ text }) => text.includes(label))!.callback_data
}

function methodOf(path: string, token: string): string {
  const [, given, name] = /^bot([^/]+)\/(\w+)$/.exec(path) ?? []
  if (given === undefined || name === undefined) throw new BotApiError(404, 'Not Found')
  if (given !== token) throw new BotApiError(401, 'Unauthorized')
  return name
}

function hangUp(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}

/** 0: no connection. */
async function callWebhook(
  hook: Webhook,
  update: FakeUpdate,
  origins: Readonly<Record<string, string>>,
): Promise<number> {
  const { origin, pathname } = new URL(hook.url)
  const headers = {
    'content-type': 'application/json',
    ...(hook.secretToken === null ? {} : { 'x-telegram-bot-api-secret-token': hook.secretToken }),
  }
  const address = `${origins[origin] ?? origin}${pathname}`
  const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify(update) }).catch(() => null)
  await response?.arrayBuffer()
  return response?.status ?? 0
}

function chatOf(id: number): FakeMessage['chat'] {
  return id < 0 ? { id, type: 'supergroup', title: `Group ${-id}` } : { id, type: 'private', first_name: 'Ada' }
}

function commandEntity(text: string): Record<string, unknown> {
  const [command] = /^\/\w+(?:@\w+)?/.exec(text) ?? []
  return command === undefined ? {} : { entities: [{ type: 'bot_command', offset: 0, length: command.length }] }
}
