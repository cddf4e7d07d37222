import { createClient } from '@baton/contracts'
import { failFold, heartbeat, insertToken, refreshCards } from '@baton/core'
import { aLease, anExperiment, aSession, runSql } from '@baton/testing'
import type { FakeTelegram } from '@baton/testing'
import { expect, test } from 'vitest'
import { telegramCards } from '../../apps/bot/src/cards/telegram-cards.ts'
import { botApi } from '../../apps/bot/src/telegram/bot-api.ts'
import { createThrottle } from '../../apps/bot/src/telegram/throttle.ts'
import { writeToChat } from '../../apps/bot/src/telegram/write-to-chat.ts'
import { ask, failed, polling, soon, useBots } from './bot-world.ts'

const bots = useBots()

/** Looks after the cards as a bot that was just started does. */
async function refresh(telegram: FakeTelegram, { isDue = true } = {}): Promise<void> {
  const { store, databaseUrl } = bots.world
  if (isDue) await runSql(databaseUrl, 'UPDATE telegram_card SET due_at = now()')
  const api = botApi(polling(telegram))
  const write = writeToChat({ store, throttle: createThrottle({ now: () => performance.now() }) })
  await refreshCards({ store, painter: telegramCards({ api, store, write }) })
}

async function report(lease: { foldId: string; fence: number }, sessionId: string, step: number): Promise<void> {
  const rates = { epoch: 1, stage: 'all', loss: 0.5, lr: 0.1, imagesPerSecond: null, etaSeconds: 100 - step }
  const progress = { step, totalSteps: 100, ...rates }
  await heartbeat(bots.world, { sessionId, ...lease, progress, secondsLeft: null, metrics: [], logs: [] })
}

const writes = ({ calls }: FakeTelegram) => calls.filter(({ method }) => /sendMessage|editMessageText/.test(method))

test('an experiment has one silent card that is edited as it goes on, over restarts, until it shows the end', async () => {
  const telegram = await bots.startTelegram()
  await telegram.user.text(7, 'hello')
  await bots.world.store.chats.pair({ chatId: 7, title: 'Ada' })
  await refresh(telegram)
  expect(telegram.messages).toEqual([])

  const sessionId = await aSession(bots.world, 'kaggle-1')
  const { foldId, fence } = await aLease(bots.world, sessionId)
  await report({ foldId, fence }, sessionId, 30)
  await refresh(telegram)
  expect(telegram.messages).toMatchObject([{ silent: true }])
  expect(telegram.messages[0]!.text.split('\n')).toEqual([
    'emoji #1 test: running',
    '0 of 2 folds done',
    // 70 s of the fold that trains, and 100 s of the one that waits.
    'ETA 3m, 1 attempt, 0 interruptions',
    'f0 ███░░░░░░░ 30/100 ETA 1m kaggle-1',
    'f1 ░░░░░░░░░░ waiting',
  ])

  for (const step of [40, 50]) {
    await report({ foldId, fence }, sessionId, step)
    await refresh(telegram, { isDue: false })
  }
  expect(writes(telegram)).toHaveLength(1)
  await refresh(telegram)
  expect(writes(telegram).map(({ method }) => method)).toEqual(['sendMessage', 'editMessageText'])
  expect(telegram.messages[0]!.text).toContain('50/100')
  await refresh(telegram)
  expect(writes(telegram)).toHaveLength(2)

  await bots.world.store.experiments.setStatus(bots.experiment.id, 'cancelled')
  await refresh(telegram)
  expect(telegram.messages).toHaveLength(1)
  expect(telegram.messages[0]!.text).toContain('emoji #1 test: cancelled')
  expect(telegram.messages[0]!.reply_markup).toBeUndefined()
  await refresh(telegram)
  expect(writes(telegram)).toHaveLength(3)
})

test('a card that was deleted is sent anew; a chat that Telegram closes gets its card later; one that blocks is forgotten', async () => {
  let now = 0
  const telegram = await bots.startTelegram({ now: () => now })
  await telegram.user.text(7, 'hello')
  await bots.world.store.chats.pair({ chatId: 7, title: 'Ada' })
  const sessionId = await aSession(bots.world, 'kaggle-1')
  const lease = await aLease(bots.world, sessionId)
  telegram.failNext({ kind: 'flood', seconds: 1 })
  await refresh(telegram)
  expect(telegram.messages).toEqual([])
  now += 1000
  await refresh(telegram)
  expect(telegram.messages).toHaveLength(1)
  telegram.user.delete(telegram.messages[0]!)
  await report(lease, sessionId, 10)
  // The edit that found nothing used up what the chat takes at once.
  await refresh(telegram)
  await refresh(telegram)
  expect(telegram.messages).toHaveLength(2)
  telegram.failNext({ kind: 'blocked' })
  await report(lease, sessionId, 20)
  await refresh(telegram)
  expect(await bots.world.store.chats.find(7)).toBeNull()
})

test('buttons pause, resume, stop after asking, and mute; another chat and an old button are told why not', async () => {
  const telegram = await bots.startTelegram()
  const { client } = await bots.startOwnApi()
  await bots.launch(polling(telegram), { client })
  for (const chat of [7, 8]) await bots.pair(telegram, chat)
  const { store, databaseUrl } = bots.world
  const statusNow = async () => (await store.experiments.get('emoji', 1))!.status

  const card = await ask(telegram, '/exp 1')
  expect(await telegram.user.press(card, { label: 'Pause' })).toMatch(/^emoji #1 is paused/)
  expect(await statusNow()).toBe('paused')
  expect(await telegram.user.press(card, { label: 'Pause' })).toMatch(/^emoji #1 is paused/)
  const paused = await ask(telegram, '/exp emoji#1')
  expect(await telegram.user.press(paused, { label: 'Resume' })).toBe('emoji #1 goes on.')
  expect(await statusNow()).toBe('queued')
  expect(await telegram.user.press(card, { label: 'Mute' })).toMatch(/^emoji #1 makes no sound here until /)

  expect(await telegram.user.press(card, { label: 'Stop' })).toBe('')
  const question = await telegram.message(({ text }) => text.startsWith('Stop emoji #1?'))
  expect(await statusNow()).toBe('queued')
  const data = (question.reply_markup as { inline_keyboard: { callback_data: string }[][] }).inline_keyboard[0]![0]!
    .callback_data
  const elsewhere = await ask(telegram, '/help', 8)
  expect(await telegram.user.press(elsewhere, { data })).toBe('This button does not belong to this chat.')
  expect(await telegram.user.press(question, { data: 'guessed' })).toBe('This button does not belong to this chat.')
  expect(await statusNow()).toBe('queued')

  expect(await telegram.user.press(question, { data })).toBe('emoji #1: stopped.')
  expect(await statusNow()).toBe('cancelled')
  expect(await telegram.user.press(question, { data })).toBe('emoji #1: stopped.')
  await expect.poll(() => question.text, soon).toBe('emoji #1: stopped (Ada)')

  await runSql(databaseUrl, `UPDATE telegram_button SET expires_at = now() - interval '1 second'`)
  expect(await telegram.user.press(card, { label: 'Pause' })).toBe('This button is too old. /exp emoji#1 has new ones.')
})

test('a fold that was given up is tried again by a button, once, as far as the bot’s token may', async () => {
  const telegram = await bots.startTelegram()
  const { url, client } = await bots.startOwnApi()
  const bot = await bots.launch(polling(telegram), { client })
  await bots.pair(telegram, 7)
  const { store } = bots.world
  const sessionId = await aSession(bots.world, 'kaggle-1')
  const { foldId, fence, fold } = await aLease(bots.world, sessionId)
  const failure = { code: 'loss-not-finite' as const, detail: 'NaN', lastLines: [], step: 1 }
  expect(await failFold(bots.world, { foldId, fence, sessionId, failure })).toMatchObject({ outcome: 'given-up' })
  const statusNow = async () => (await store.experiments.get('emoji', 1))!.folds[fold]!.status

  expect(fold).toBe(0)
  await bots.emit(bot.queue, failed(1))
  const told = await telegram.message(({ text }) => text.includes('at step 1'))
  expect(await telegram.user.press(told, { label: 'Retry' })).toBe(
    `emoji #1 fold ${fold} is tried again, from its newest checkpoint.`,
  )
  expect(await statusNow()).toBe('ready')
  expect(await telegram.user.press(told, { label: 'Retry' })).toBe(
    `emoji #1 fold ${fold} is not tried again, as only a failed fold is retried: this one is ready.`,
  )
  await bot.close()

  await runSql(bots.world.databaseUrl, `UPDATE fold SET status = 'failed' WHERE id = '${foldId}'`)
  const { token } = await insertToken(store, { name: 'looks', role: 'viewer', project: null, validSeconds: 60 })
  await bots.launch(polling(telegram), { client: createClient({ url, token }) })
  expect(await telegram.user.press(told, { label: 'Retry' })).toMatch(/^This token may not do that/)
  expect(await statusNow()).toBe('failed')
})

test('each chat has its project, silence and digest for itself; groups get the same answers', async () => {
  const telegram = await bots.startTelegram()
  const { client } = await bots.startOwnApi()
  await bots.launch(polling(telegram), { client })
  for (const chat of [7, -5]) await bots.pair(telegram, chat)
  const { store } = bots.world
  await store.projects.insert({ slug: 'other', name: 'Other' })
  await anExperiment(bots.world, { name: 'second' })
  const say = async (chat: number, text: string) => (await ask(telegram, text, chat)).text

  expect(await say(-5, '/exp@baton_test_bot #2')).toMatch(/^Of which project/)
  expect(await say(-5, '/project@baton_test_bot emoji')).toMatch(/^This chat is about emoji/)
  expect(await say(-5, '/exp@baton_test_bot #2')).toMatch(/^emoji #2 second: queued/)
  expect(await say(7, '/exp 2')).toMatch(/^Of which project/)
  expect(await say(7, '/exp emoji#9')).toBe('There is no experiment emoji #9.')
  expect(await say(-5, '/top')).toMatch(/^emoji\n/)
  expect(await say(-5, '/top')).not.toContain('other')

  expect(await say(-5, '/mute 8h')).toMatch(/^This chat makes no sound until /)
  expect(await say(7, '/mute 1h emoji#2')).toMatch(/^emoji #2 makes no sound until /)
  expect(await say(-5, '/digest 18')).toMatch(/every day at 18:00 UTC/)
  expect(await say(-5, '/digest 24')).toMatch(/^An hour of the day/)
  expect(await store.chats.list()).toMatchObject([
    { chatId: 7, project: null, mutedUntil: null, digestHour: null },
    { chatId: -5, project: 'emoji', mutedUntil: expect.any(String) as string, digestHour: 18 },
  ])
  expect(await say(-5, '/unmute')).toMatch(/makes a sound again/)
  expect(await say(-5, '/digest off')).toMatch(/^Quiet messages come one by one/)
  expect(await store.chats.find(-5)).toMatchObject({ mutedUntil: null, digestHour: null })
})
