import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startApi } from '@baton/api'
import { ownClient, startBot } from '@baton/bot'
import type { BotOptions, RunningBot, TelegramOptions } from '@baton/bot'
import type { EventPayload, Experiment } from '@baton/contracts'
import { createPairing, fanOutEvent, heartbeat } from '@baton/core'
import { createLog } from '@baton/log'
import { openQueue } from '@baton/queue'
import type { Queue } from '@baton/queue'
import { aLease, anExperiment, aSession, createWorld, runSql, startFakeTelegram } from '@baton/testing'
import type { FakeTelegram, FakeTelegramOptions, World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

/** Its form is not that of a real one, so the log's own redaction does not know it. */
const token = '4711:hush'
/** The limit of waits for what comes at once, but not on a busy machine. */
const soon = { timeout: 60_000 }
const never = () => new Promise<never>(() => undefined)

let world: World
let experiment: Experiment
/** Every line that was logged, at any level. */
let logged: string
const cleanUp: (() => Promise<unknown>)[] = []
const laterClose = (close: () => Promise<unknown>) => void cleanUp.unshift(close)

beforeEach(async () => {
  world = await createWorld()
  laterClose(world.close)
  experiment = await anExperiment(world)
  logged = ''
})
afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close()
  expect(logged).not.toContain('hush')
})

const log = createLog({ app: 'bot', level: 'debug', destination: { write: (line) => void (logged += line) } })

async function startTelegram(options: Partial<FakeTelegramOptions> = {}): Promise<FakeTelegram> {
  const telegram = await startFakeTelegram({ token, ...options })
  laterClose(() => telegram.close())
  return telegram
}

/** A queue as a process of its own would have it; the coordinator's part of telling people runs beside it. */
async function openOwnQueue(): Promise<Queue> {
  const queue = await openQueue({ backend: { kind: 'postgres', url: world.databaseUrl }, log })
  queue.consume('coordinator', {
    'assemble-experiment': never,
    'make-submission': never,
    sweep: never,
    'fan-out-event': (job) => fanOutEvent({ store: world.store, queue }, job),
  })
  return queue
}

interface OwnBot extends RunningBot {
  readonly queue: Queue
}

/** A bot with its own queue, as its process has it. Closed in the order that its process closes. */
async function launch(telegram: TelegramOptions | null, changes: Partial<BotOptions> = {}): Promise<OwnBot> {
  const queue = await openOwnQueue()
  laterClose(() => queue.close())
  const client = ownClient({ url: 'http://127.0.0.1:1', store: world.store })
  const bot = await startBot({ store: world.store, queue, client, telegram, print: () => undefined, log, ...changes })
  laterClose(() => bot.close())
  return { ...bot, queue, close: async () => bot.close().then(() => queue.close()) }
}

const polling = (telegram: FakeTelegram): TelegramOptions => ({ token, apiRoot: telegram.url })

/** A pairing code, as the API issues it. */
async function aCode(): Promise<string> {
  return (await createPairing({ store: world.store }, { botName: null })).code
}

/** Pairs a chat and forgets what was said doing it. */
async function pair(telegram: FakeTelegram, chatId: number): Promise<void> {
  const before = telegram.messages.length
  await telegram.user.text(chatId, `/start ${await aCode()}`)
  await telegram.sent(before + 1)
}

const lost = (resumeStep: number): EventPayload => ({
  kind: 'session-lost',
  fold: 0,
  attempt: 1,
  session: 'kaggle-1',
  resumeStep,
})

/** Appends an event and asks for its notifications, as the outbox does. Events are told apart by their step. */
async function emit(queue: Queue, step: number): Promise<void> {
  await queue.fanOut(await world.store.events.append(experiment.id, lost(step)))
}

/** Steps of the events that a chat was told of, in the order it was told. */
function told(telegram: FakeTelegram, chatId: number): number[] {
  return telegram.messages
    .filter((message) => message.chat.id === chatId)
    .flatMap((message) => /goes on from step (\d+)/.exec(message.text)?.slice(1) ?? [])
    .map(Number)
}

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('pairing', () => {
  test('a code pairs one chat, once; a chat that is not paired gets nothing but the hint how to', async () => {
    const telegram = await startTelegram()
    const bot = await launch(polling(telegram))
    const code = await aCode()
    expect(bot.botName).toBe('baton_test_bot')

    await telegram.user.text(7, '/status')
    await telegram.sent(1)
    await telegram.user.text(7, `/start ${code}`)
    await telegram.sent(2)
    await telegram.user.text(8, `/start ${code}`)
    await telegram.sent(3)
    await telegram.user.text(8, '/top')
    await telegram.sent(4)
    await telegram.user.text(7, `/start ${code}`)
    await telegram.sent(5)

    expect(telegram.messages.map((message) => message.text.split('\n')[0])).toEqual([
      'This chat is not paired with Baton.',
      'This chat is paired.',
      'That code is unknown, was used already or has expired. A code is valid for 10 minutes, once.',
      'This chat is not paired with Baton.',
      'This chat is paired already. /help lists what it can do.',
    ])
    expect(await world.store.notifications.chats()).toMatchObject([{ chatId: 7, title: 'Ada' }])
  })

  test('an expired code pairs nobody', async () => {
    const telegram = await startTelegram()
    await launch(polling(telegram))
    const code = await aCode()
    await runSql(world.databaseUrl, `UPDATE telegram_pairing SET expires_at = now() - interval '1 second'`)
    await telegram.user.text(7, `/start ${code}`)
    expect((await telegram.message(() => true)).text).toMatch(/has expired/)
    expect(await world.store.notifications.chats()).toEqual([])
  })

  test('a group is paired by its title; what people say there is not answered', async () => {
    const telegram = await startTelegram()
    await launch(polling(telegram))
    await telegram.user.text(-5, 'anybody here?')
    await telegram.user.text(-5, `/start@baton_test_bot ${await aCode()}`)
    await telegram.sent(1)
    expect(telegram.messages.map((message) => message.text.split('\n')[0])).toEqual(['This chat is paired.'])
    expect(await world.store.notifications.chats()).toMatchObject([{ chatId: -5, title: 'Group 5' }])
  })

  test('an unlinked chat, and one that blocks the bot, is told nothing more', async () => {
    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    for (const chat of [7, 8, 9]) await pair(telegram, chat)
    await telegram.user.text(7, '/unlink')
    await telegram.message((message) => message.text.startsWith('This chat is unpaired'))
    await telegram.user.block(8)
    await expect.poll(() => world.store.notifications.findChat(8), soon).toBeNull()

    await emit(queue, 1)
    await telegram.message((message) => message.chat.id === 9 && message.text.includes('step 1'))
    expect([told(telegram, 7), told(telegram, 8), told(telegram, 9)]).toEqual([[], [], [1]])
  })

  test('what was answered before a restart is not answered again', async () => {
    const telegram = await startTelegram()
    const first = await launch(polling(telegram))
    await pair(telegram, 7)
    await first.close()
    expect(telegram.unconfirmed).toEqual([])
    await launch(polling(telegram))
    await telegram.user.text(7, '/help')
    await telegram.message((message) => message.text.startsWith('Commands'))
    expect(telegram.messages).toHaveLength(2)
  })
})

describe('commands', () => {
  /** A bot whose client calls a real API. */
  async function launchWithApi(telegram: FakeTelegram): Promise<void> {
    const api = await startApi({
      host: '127.0.0.1',
      port: 0,
      database: world.store,
      queue: world.queue,
      blobs: world.blobs,
      s3: null,
      log,
      times: world.times,
    })
    laterClose(() => api.close())
    await launch(polling(telegram), { client: ownClient({ url: api.url, store: world.store }) })
    await pair(telegram, 7)
  }

  async function ask(telegram: FakeTelegram, question: string): Promise<string> {
    const before = telegram.messages.length
    await telegram.user.text(7, question)
    await telegram.sent(before + 1)
    return telegram.messages[before]!.text
  }

  test('/status shows folds as bars with step, time left and session', async () => {
    const sessionId = await aSession(world, 'kaggle-1')
    const { foldId, fence } = await aLease(world, sessionId)
    await heartbeat(world, {
      sessionId,
      foldId,
      fence,
      progress: {
        step: 30,
        totalSteps: 100,
        epoch: 1,
        stage: 'all',
        loss: 0.5,
        lr: 0.1,
        imagesPerSecond: null,
        etaSeconds: 900,
      },
      secondsLeft: 7200,
      metrics: [],
      logs: [],
    })
    const telegram = await startTelegram()
    await launchWithApi(telegram)
    expect(await ask(telegram, '/status')).toBe(
      [
        'emoji #1 test: running, 0 of 2 folds',
        'f0 ███░░░░░░░ 30/100 ETA 15m kaggle-1',
        'f1 ░░░░░░░░░░ waiting',
        'Sessions:',
        'kaggle-1: local, 2h00m left',
      ].join('\n'),
    )
  })

  test('/top shows version, CV and LB, best first, as many as asked for, of the project that is named', async () => {
    const scores = { cvMean: 0.6, cvStd: 0.01, foldScores: [], thresholds: {}, testPredictions: null }
    const better = await anExperiment(world, { name: 'better' })
    await world.store.experiments.complete(experiment.id, { cv: 0.6, ...scores })
    await world.store.experiments.complete(better.id, { cv: 0.7, ...scores })
    await world.store.experiments.recordLb(better.id, { lbPublic: 0.69, lbPrivate: null })
    await world.store.projects.insert({ slug: 'empty', name: 'Empty' })
    const telegram = await startTelegram()
    await launchWithApi(telegram)

    const head = '           CV      LB'
    const rows = ['#2     0.7000  0.6900 better', '#1     0.6000       – test']
    const none = ['empty', 'No experiment is completed yet.']
    expect(await ask(telegram, '/top')).toBe(['emoji', head, ...rows, ...none].join('\n'))
    expect(await ask(telegram, '/top emoji 1')).toBe(['emoji', head, rows[0]].join('\n'))
    expect(await ask(telegram, '/top nothing')).toBe('There is no project nothing. Projects: emoji, empty')
  })

  test('while the API is away, a command says so and what to do', async () => {
    const telegram = await startTelegram()
    await launch(polling(telegram))
    await pair(telegram, 7)
    expect(await ask(telegram, '/status')).toMatch(/^The service is starting[^]*Try again shortly\.$/)
  })
})

describe('delivery', () => {
  test('every event is told once and in order, over a restart in the middle', async () => {
    const telegram = await startTelegram()
    const first = await launch(polling(telegram))
    await pair(telegram, 7)
    for (const step of range(20)) await world.store.notifications.addForEvent(await append(step))
    const [chat] = await world.store.notifications.chats()
    await first.queue.deliver(chat!.id)
    await telegram.sent(5)
    await first.close()
    const soFar = told(telegram, 7).length
    expect(soFar).toBeLessThan(20)

    await launch(polling(telegram))
    await telegram.message((message) => message.text.includes('step 19.'))
    expect(told(telegram, 7)).toEqual(range(20))
  })

  const append = (step: number) => world.store.events.append(experiment.id, lost(step))

  test('a bot that is killed between sending and marking tells at most that one again, and loses none', async () => {
    const telegram = await startTelegram()
    await telegram.user.text(7, 'hello')
    const { id } = await world.store.notifications.pair({ chatId: 7, title: 'Ada' })
    for (const step of range(3)) await world.store.notifications.addForEvent(await append(step))
    const options = JSON.stringify({ databaseUrl: world.databaseUrl, telegram: polling(telegram) })
    const holder = fork(fileURLToPath(new URL('./bot-holder.ts', import.meta.url)), [options])
    onTestFinished(() => void holder.kill('SIGKILL'))
    const queue = await openOwnQueue()
    laterClose(() => queue.close())
    await queue.deliver(id)
    await once(holder, 'message')
    holder.kill('SIGKILL')
    expect(told(telegram, 7)).toEqual([0])

    await launch(polling(telegram))
    await telegram.message((message) => message.text.includes('step 2.'))
    expect(told(telegram, 7)).toEqual([0, 0, 1, 2])
  })

  test('a message whose answer was lost is told again, at most once more', async () => {
    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    await pair(telegram, 7)
    telegram.failNext({ kind: 'lost-answer' })
    await emit(queue, 1)
    await telegram.sent(3)
    await emit(queue, 2)
    await telegram.message((message) => message.text.includes('step 2.'))
    expect(told(telegram, 7)).toEqual([1, 1, 2])
  })

  test('a flood limit is waited for, in order and without asking again; other chats are not delayed', async () => {
    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    await pair(telegram, 7)
    await pair(telegram, 8)
    telegram.failNext({ kind: 'flood', seconds: 3 }, { chatId: 7 })
    await emit(queue, 0)
    await telegram.message((message) => message.chat.id === 8 && message.text.includes('step 0.'))
    expect(told(telegram, 7)).toEqual([])
    // What happens meanwhile waits with the rest.
    for (const step of range(5).slice(1)) await emit(queue, step)
    for (const chat of [7, 8])
      await telegram.message((message) => message.chat.id === chat && message.text.includes('step 4.'))

    expect([told(telegram, 7), told(telegram, 8)]).toEqual([range(5), range(5)])
    const tries = telegram.calls.filter(({ method, params }) => method === 'sendMessage' && params.chat_id === 7)
    const [answerToPairing, refused] = [1, 1]
    expect(tries).toHaveLength(answerToPairing + refused + 5)
  })

  test('while Telegram fails, what is to be told waits', async () => {
    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    await pair(telegram, 7)
    telegram.failNext({ kind: 'server-error' }, { times: 2 })
    await emit(queue, 1)
    await telegram.message((message) => message.text.includes('step 1.'))
    expect(told(telegram, 7)).toEqual([1])
  })

  test('a chat that blocked the bot is unpaired and its notifications are dropped; others go on', async () => {
    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    await pair(telegram, 7)
    await pair(telegram, 8)
    telegram.failNext({ kind: 'blocked' }, { chatId: 7 })
    await emit(queue, 1)
    await expect.poll(() => world.store.notifications.findChat(7), soon).toBeNull()
    await expect.poll(() => world.store.notifications.chatsWaiting(), soon).toEqual([])
    await emit(queue, 2)
    await telegram.message((message) => message.text.includes('step 2.'))
    expect([told(telegram, 7), told(telegram, 8)]).toEqual([[], [1, 2]])
  })

  test('a group that becomes a supergroup is told there, each event once', async () => {
    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    await pair(telegram, -5)
    await telegram.user.migrate(-5, -1005)
    await emit(queue, 1)
    await telegram.message((message) => message.text.includes('step 1.'))
    await emit(queue, 2)
    await telegram.message((message) => message.text.includes('step 2.'))
    expect([told(telegram, -5), told(telegram, -1005)]).toEqual([[], [1, 2]])
    expect(await world.store.notifications.chats()).toMatchObject([{ chatId: -1005, title: 'Group 5' }])
  })

  test('without a token the terminal is told; with one, it is no longer', async () => {
    const printed: string[] = []
    const terminal = await launch(null, { print: (text) => void printed.push(text) })
    expect(terminal.botName).toBeNull()
    await emit(terminal.queue, 1)
    await expect
      .poll(() => printed, soon)
      .toEqual(['🔌 emoji #1 test: session kaggle-1 lost\nFold 0 (attempt 1) goes on from step 1.'])
    await terminal.close()

    const telegram = await startTelegram()
    const { queue } = await launch(polling(telegram))
    await pair(telegram, 7)
    await emit(queue, 2)
    await telegram.message((message) => message.text.includes('step 2.'))
    expect(await world.store.notifications.chats()).toMatchObject([{ chatId: 7 }])
    expect(printed).toHaveLength(1)
  })

  test('what waits for Telegram stays while the bot runs without its token', async () => {
    const telegram = await startTelegram()
    await telegram.user.text(7, 'hello')
    const { id } = await world.store.notifications.pair({ chatId: 7, title: 'Ada' })
    const printed: string[] = []
    const terminal = await launch(null, { print: (text) => void printed.push(text) })
    await emit(terminal.queue, 1)
    await expect.poll(() => printed, soon).toHaveLength(1)
    await terminal.close()
    expect(await world.store.notifications.chatsWaiting()).toEqual([id])

    const { queue } = await launch(polling(telegram))
    await queue.deliver(id)
    await telegram.message((message) => message.text.includes('step 1.'))
    expect(told(telegram, 7)).toEqual([1])
  })
})

describe('webhook', () => {
  test('updates come through the API with the secret; without it they are refused and nothing is done', async () => {
    const secretToken = 'a-secret-of-the-webhook'
    const origins: Record<string, string> = {}
    const telegram = await startTelegram({ origins })
    const webhook = { url: 'https://baton.example.org/telegram', secretToken, path: '/telegram' }
    const bot = await launch({ ...polling(telegram), webhook })
    const { store: database, queue, blobs, times } = world
    const mounted = { telegramWebhook: bot.webhook, s3: null }
    const api = await startApi({ host: '127.0.0.1', port: 0, database, queue, blobs, log, times, ...mounted })
    laterClose(() => api.close())
    origins['https://baton.example.org'] = api.url
    await expect.poll(() => telegram.calls.map(({ method }) => method), soon).toContain('setWebhook')

    const forged = {
      update_id: 1,
      message: { message_id: 1, date: 0, chat: { id: 7, type: 'private' }, text: '/help' },
    }
    for (const headers of [{}, { 'x-telegram-bot-api-secret-token': 'guess' }]) {
      const answer = await fetch(`${api.url}/telegram`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers } as Record<string, string>,
        body: JSON.stringify(forged),
      })
      expect(answer.status).toBe(403)
    }
    expect(telegram.messages).toEqual([])

    await telegram.user.text(7, `/start ${await aCode()}`)
    expect(telegram.webhookAnswers).toEqual([200])
    expect(telegram.messages.map((message) => message.text.split('\n')[0])).toEqual(['This chat is paired.'])
    expect(logged).not.toContain(secretToken)
  })
})

describe('a Telegram that is away or refuses', () => {
  test('a token that Telegram refuses stops the start, and is not named', async () => {
    const telegram = await startTelegram()
    const refused = launch({ token: '1:hush', apiRoot: telegram.url })
    await expect(refused).rejects.toMatchObject({
      code: 'config-invalid',
      detail: "Telegram refuses the bot's token: Unauthorized",
    })
    await refused.catch((error: Error) => expect(`${error.message} ${error.stack}`).not.toContain('hush'))
  })

  test.each(['closed', 'not json'])(
    'the bot starts though Telegram is %s, and no error keeps the token',
    async (kind) => {
      const server = createServer((_, response) => response.end('<html>'))
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const apiRoot = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const stop = async () => {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
      if (kind === 'closed') await stop()
      else laterClose(stop)
      await world.store.notifications.pair({ chatId: 7, title: 'Ada' })
      const bot = await launch({ token, apiRoot })
      expect(bot.botName).toBeNull()
      await emit(bot.queue, 1)
      await expect.poll(() => logged, soon).toContain('job failed, it will be tried again')
      expect(logged).toContain('telegram does not answer yet')
      expect(await world.store.notifications.chatsWaiting()).toHaveLength(1)
    },
  )

  test('a bot that was pushed aside by another one with its token takes over once that one is gone', async () => {
    const telegram = await startTelegram()
    await launch(polling(telegram))
    const second = await launch(polling(telegram))
    await expect.poll(() => logged, soon).toContain('terminated by other getUpdates request')
    await second.close()
    await telegram.user.text(7, '/help')
    expect((await telegram.message(() => true)).text).toMatch(/not paired/)
  })

  test('the bot connects once Telegram answers', async () => {
    const origins: FakeTelegram[] = []
    const gate = createServer((request, response) => {
      const telegram = origins[0]
      if (telegram === undefined) return void request.socket.destroy()
      response.writeHead(307, { location: `${telegram.url}${request.url}` }).end()
    })
    await once(gate.listen(0, '127.0.0.1'), 'listening')
    laterClose(async () => gate.closeAllConnections())
    laterClose(() => new Promise((resolve) => gate.close(resolve)))
    await launch({ token, apiRoot: `http://127.0.0.1:${(gate.address() as AddressInfo).port}` })
    const telegram = await startTelegram()
    origins.push(telegram)
    await telegram.user.text(7, '/help')
    expect((await telegram.message(() => true)).text).toMatch(/not paired/)
  })
})
