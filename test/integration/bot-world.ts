/** What tests of the bot stand on: a world, the fake Telegram, bots with a queue of their own. */
import { startApi } from '@baton/api'
import { ownClient, startBot } from '@baton/bot'
import type { BotOptions, RunningBot, TelegramOptions } from '@baton/bot'
import type { EventPayload, Experiment } from '@baton/contracts'
import { createPairing, fanOutEvent } from '@baton/core'
import { createLog } from '@baton/log'
import { openQueue } from '@baton/queue'
import type { Queue } from '@baton/queue'
import { anExperiment, createWorld, startFakeTelegram } from '@baton/testing'
import type { FakeMessage, FakeTelegram, FakeTelegramOptions, World } from '@baton/testing'
import { afterEach, beforeEach, expect } from 'vitest'
import { emit } from '../../packages/core/src/notification/emit.ts'

/** Its form is not that of a real one, so the log's own redaction does not know it. */
export const token = '4711:hush'
/** The limit of waits for what comes at once, but not on a busy machine. */
export const soon = { timeout: 60_000 }
export const range = (count: number) => Array.from({ length: count }, (_, index) => index)
const never = () => new Promise<never>(() => undefined)

interface OwnBot extends RunningBot {
  readonly queue: Queue
}

/** Builds, for each test of the file, a world with an experiment; everything that is started in it ends with the test. */
export function useBots() {
  let world: World
  let experiment: Experiment
  let logged: string
  const cleanUp: (() => Promise<unknown>)[] = []
  const laterClose = (close: () => Promise<unknown>) => void cleanUp.unshift(close)
  const log = createLog({ app: 'bot', level: 'debug', destination: { write: (line) => void (logged += line) } })

  beforeEach(async () => {
    logged = ''
    world = await createWorld()
    laterClose(world.close)
    experiment = await anExperiment(world)
  })
  afterEach(async () => {
    for (const close of cleanUp.splice(0)) await close()
    expect(logged).not.toContain('hush')
  })

  const startTelegram = async (options: Partial<FakeTelegramOptions> = {}): Promise<FakeTelegram> => {
    const telegram = await startFakeTelegram({ token, ...options })
    laterClose(() => telegram.close())
    return telegram
  }
  /** A queue as a process of its own would have it; the coordinator's part of telling people runs beside it. */
  const openOwnQueue = async (): Promise<Queue> => {
    const queue = await openQueue({ backend: { kind: 'postgres', url: world.databaseUrl }, log })
    queue.consume('coordinator', {
      'assemble-experiment': never,
      'make-submission': never,
      sweep: never,
      'fan-out-event': (job) => fanOutEvent({ store: world.store, queue }, job),
    })
    return queue
  }
  /** A bot with its own queue, as its process has it. Closed in the order that its process closes. */
  const launch = async (telegram: TelegramOptions | null, changes: Partial<BotOptions> = {}): Promise<OwnBot> => {
    const queue = await openOwnQueue()
    laterClose(() => queue.close())
    const client = ownClient({ url: 'http://127.0.0.1:1', store: world.store })
    // A thousand seconds pass in one: nobody waits for the bot's own throttle.
    const own = { store: world.store, queue, client, print: () => undefined, log, now: () => 1000 * performance.now() }
    const bot = await startBot({ ...own, telegram, ...changes })
    laterClose(() => bot.close())
    return { ...bot, queue, close: async () => bot.close().then(() => queue.close()) }
  }
  /** The API on the world, and a client of it as the bot has one. */
  const startOwnApi = async (webhook?: RunningBot['webhook']) => {
    const { store: database, queue, blobs, times } = world
    const common = { host: '127.0.0.1', port: 0, database, queue, blobs, log, times, s3: null }
    const api = await startApi({ ...common, ...(webhook && { telegramWebhook: webhook }) })
    laterClose(() => api.close())
    return { url: api.url, client: ownClient({ url: api.url, store: database }) }
  }
  /** A pairing code, as the API issues it. */
  const aCode = async () => (await createPairing({ store: world.store }, { botName: null })).code
  /** Pairs a chat and forgets what was said doing it. */
  const pair = async (telegram: FakeTelegram, chatId: number): Promise<void> => {
    const before = telegram.messages.length
    await telegram.user.text(chatId, `/start ${await aCode()}`)
    await telegram.sent(before + 1)
  }
  return {
    get world() {
      return world
    },
    get experiment() {
      return experiment
    },
    /** Every line that was logged, at any level. */
    get logged() {
      return logged
    },
    log,
    laterClose,
    startTelegram,
    openOwnQueue,
    launch,
    startOwnApi,
    aCode,
    pair,
    /** Appends an event with its notifications, and asks for their delivery as the outbox does. */
    emit: async (queue: Queue, payload: EventPayload): Promise<void> =>
      queue.fanOut(await world.store.transaction((tables) => emit(tables, experiment.id, payload))),
  }
}

export const polling = (telegram: FakeTelegram): TelegramOptions => ({ token, apiRoot: telegram.url })

/** Writes to the bot, and returns what it answers. */
export async function ask(telegram: FakeTelegram, question: string, chatId = 7): Promise<FakeMessage> {
  const before = telegram.messages.length
  await telegram.user.text(chatId, question)
  await telegram.sent(before + 1)
  return telegram.messages[before]!
}

/** A quiet event. Told apart by its step. */
export const lost = (resumeStep: number): EventPayload => ({
  kind: 'session-lost',
  fold: 0,
  attempt: 1,
  session: 'kaggle-1',
  resumeStep,
})

/** An urgent event. Told apart by its step. */
export const failed = (step: number): EventPayload => ({
  kind: 'fold-failed',
  fold: 0,
  attempt: 1,
  session: 'kaggle-1',
  failure: { code: 'loss-not-finite', detail: 'NaN', lastLines: [], step },
  outcome: 'given-up',
  retryInSeconds: null,
})

/** Step of the event that a message tells of; undefined: it tells of none. */
export function stepOf({ text }: FakeMessage): number | undefined {
  const [, step] = /(?:from|at) step (\d+)/.exec(text) ?? []
  return step === undefined ? undefined : Number(step)
}

/** Steps of the events that a chat was told of one by one, in the order it was told. */
export function told(telegram: FakeTelegram, chatId: number): number[] {
  const steps = telegram.messages.filter((message) => message.chat.id === chatId).map(stepOf)
  return steps.filter((step) => step !== undefined)
}
