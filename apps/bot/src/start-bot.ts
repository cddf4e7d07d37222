import { AppError } from '@baton/contracts'
import { forgetChat, refreshCards } from '@baton/core'
import type { Store } from '@baton/core'
import type { Log } from '@baton/log'
import type { Queue } from '@baton/queue'
import { every } from '@baton/service'
import { Telegraf, TelegramError } from 'telegraf'
import type { Update, UserFromGetMe } from 'telegraf/types'
import { telegramCards } from './cards/telegram-cards.ts'
import { answerUpdates } from './commands/answer-updates.ts'
import type { BatonClient } from './commands/command.ts'
import { commands } from './commands/index.ts'
import { botJobs } from './jobs/deliver.ts'
import { telegramMessenger } from './jobs/telegram-messenger.ts'
import { terminalChat, terminalMessenger } from './jobs/terminal-messenger.ts'
import { botApi } from './telegram/bot-api.ts'
import type { BotApi } from './telegram/bot-api.ts'
import { keepTrying } from './telegram/keep-trying.ts'
import { pollUpdates } from './telegram/poll-updates.ts'
import { receiveWebhook } from './telegram/receive-webhook.ts'
import type { RequestHandler } from './telegram/receive-webhook.ts'
import { createThrottle } from './telegram/throttle.ts'
import { withoutToken } from './telegram/without-token.ts'
import { writeToChat } from './telegram/write-to-chat.ts'

export interface TelegramOptions {
  readonly token: string
  /** Root of the Bot API. Default `https://api.telegram.org`. */
  readonly apiRoot?: string
  /** Where Telegram calls the bot: a public https address that leads to `path` here. Without one it is polled. */
  readonly webhook?: { readonly url: string; readonly secretToken: string; readonly path: string } | undefined
}

export interface BotOptions {
  readonly store: Store
  readonly queue: Queue
  readonly client: BatonClient
  /** Null: notifications go to the terminal, through `print`. */
  readonly telegram: TelegramOptions | null
  readonly print: (text: string) => void
  readonly log: Log
  /** Milliseconds that only grow, for keeping within Telegram's limits. Default `performance.now`. */
  readonly now?: () => number
}

export interface RunningBot {
  /** User name of the bot, for pairing links; null without a bot, or while Telegram does not answer. */
  readonly botName: string | null
  /** Takes Telegram's calls, where a webhook is configured. */
  readonly webhook?: RequestHandler
  /** Stops taking updates and starting deliveries. Close the queue after it and before the store. */
  close(): Promise<void>
}

const menu = commands.map(({ name, description }) => ({ command: name, description }))
/** Deliveries at once: each waits for Telegram most of the time. */
const concurrency = 16
/** Telegram may be away when Baton starts; waiting longer for its answer would hold up the start. */
const firstAnswerMs = 5_000
/** Cards are looked for this often; each is edited far less often. */
const cardSeconds = 3
/** An update whose answer takes longer is given up. */
const handlerTimeoutMs = 60_000

/**
 * Starts pairing, commands and the delivery of notifications. Telegram being away is no reason not to start: the bot
 * connects as soon as it answers, and what is to be told waits.
 *
 * @throws {AppError} `config-invalid` if Telegram refuses the token
 */
export async function startBot(options: BotOptions): Promise<RunningBot> {
  return options.telegram === null ? startTerminal(options) : startTelegram(options, options.telegram)
}

async function startTerminal({ store, queue, print, log }: BotOptions): Promise<RunningBot> {
  const closing = new AbortController()
  const { id } = await store.chats.pair(terminalChat)
  const messenger = terminalMessenger(print)
  const reaches = (chat: string) => chat === id
  // A terminal makes no sound and scrolls by itself: nothing is gathered.
  const jobs = botJobs({ store, messenger, quietPerHour: Infinity, reaches, signal: closing.signal })
  queue.consume('bot', jobs, { concurrency })
  log.info('no telegram token: notifications are printed')
  return { botName: null, close: async () => closing.abort() }
}

async function startTelegram(options: BotOptions, { token, apiRoot, webhook }: TelegramOptions): Promise<RunningBot> {
  const { store, queue, client, log, now = () => performance.now() } = options
  const closing = new AbortController()
  const { signal } = closing
  const bot = new Telegraf(token, {
    handlerTimeout: handlerTimeoutMs,
    telegram: { webhookReply: false, ...(apiRoot === undefined ? {} : { apiRoot }) },
  })
  const api = botApi({ token, apiRoot })
  bot.catch((error, { update }) =>
    log.error({ error: withoutToken(error, token), updateId: update.update_id }, 'update not handled'),
  )
  const throttle = createThrottle({ now })
  const write = writeToChat({ store, throttle })
  answerUpdates(bot, { store, client, api, throttle, log })

  const me = await firstAnswer(api, log)
  await forgetChat(store, terminalChat.chatId)
  const messenger = telegramMessenger({ api, store, write })
  queue.consume('bot', botJobs({ store, messenger, reaches: () => true, signal }), { concurrency })
  const painter = telegramCards({ api, store, write })
  const stopCards = every(cardSeconds, 'cards', log, () => refreshCards({ store, painter }))

  /** Handles an update once: Telegram sends it again when its confirmation was lost. */
  const handleOnce = async (update: Update) => {
    const id = { botId: bot.botInfo!.id, updateId: update.update_id }
    if (await store.updates.isHandled(id)) return
    await bot.handleUpdate(update)
    await store.updates.markHandled(id)
  }
  const connect = async () => {
    const self = me ?? (await keepTrying(() => api.getMe(), { log, signal }))
    if (self === undefined) return
    bot.botInfo = self
    await api.setCommands(menu).catch((error: unknown) => log.warn({ error }, 'command menu not set'))
    log.info({ bot: self.username, by: webhook ? 'webhook' : 'polling' }, 'telegram is connected')
    if (webhook) await keepTrying(() => api.setWebhook(webhook.url, webhook.secretToken), { log, signal })
    else await pollUpdates({ api, log, signal }, handleOnce)
  }
  const connected = connect()
  return {
    botName: me?.username ?? null,
    ...(webhook && {
      webhook: receiveWebhook(webhook, async (update) => {
        if (bot.botInfo === undefined) return false
        await handleOnce(update)
        return true
      }),
    }),
    close: async () => {
      closing.abort()
      await Promise.all([connected, stopCards()])
    },
  }
}

/** @throws {AppError} `config-invalid` */
async function firstAnswer(api: BotApi, log: Log): Promise<UserFromGetMe | undefined> {
  try {
    return await api.getMe(AbortSignal.timeout(firstAnswerMs))
  } catch (error) {
    // 404: what stands in the place of the token has not even its form, or the root is no Bot API.
    if (error instanceof TelegramError && (error.code === 401 || error.code === 404)) {
      const detail = `Telegram refuses the bot's token: ${error.description}`
      throw new AppError('config-invalid', {}, { detail, faults: [{ pointer: 'BATON_TELEGRAM_TOKEN', detail }] })
    }
    log.warn({ error }, 'telegram does not answer yet')
    return undefined
  }
}
