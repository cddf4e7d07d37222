import { runSql } from '@baton/testing'
import { expect, test } from 'vitest'
import { failed, polling, soon, stepOf, told, useBots } from './bot-world.ts'

const bots = useBots()

test('a code pairs one chat, once; a chat that is not paired gets nothing but the hint how to', async () => {
  const telegram = await bots.startTelegram()
  const bot = await bots.launch(polling(telegram))
  const code = await bots.aCode()
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
  expect(await bots.world.store.chats.list()).toMatchObject([{ chatId: 7, title: 'Ada' }])
})

test('an expired code pairs nobody', async () => {
  const telegram = await bots.startTelegram()
  await bots.launch(polling(telegram))
  const code = await bots.aCode()
  await runSql(bots.world.databaseUrl, `UPDATE telegram_pairing SET expires_at = now() - interval '1 second'`)
  await telegram.user.text(7, `/start ${code}`)
  expect((await telegram.message(() => true)).text).toMatch(/has expired/)
  expect(await bots.world.store.chats.list()).toEqual([])
})

test('a group is paired by its title; what people say there is not answered', async () => {
  const telegram = await bots.startTelegram()
  await bots.launch(polling(telegram))
  await telegram.user.text(-5, 'anybody here?')
  await telegram.user.text(-5, `/start@baton_test_bot ${await bots.aCode()}`)
  await telegram.sent(1)
  expect(telegram.messages.map((message) => message.text.split('\n')[0])).toEqual(['This chat is paired.'])
  expect(await bots.world.store.chats.list()).toMatchObject([{ chatId: -5, title: 'Group 5' }])
})

test('an unlinked chat, and one that blocks the bot, is told nothing more', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  for (const chat of [7, 8, 9]) await bots.pair(telegram, chat)
  await telegram.user.text(7, '/unlink')
  await telegram.message((message) => message.text.startsWith('This chat is unpaired'))
  await telegram.user.block(8)
  await expect.poll(() => bots.world.store.chats.find(8), soon).toBeNull()

  await bots.emit(queue, failed(1))
  await telegram.message((message) => message.chat.id === 9 && stepOf(message) === 1)
  expect([told(telegram, 7), told(telegram, 8), told(telegram, 9)]).toEqual([[], [], [1]])
})

test('what was answered before a restart is not answered again', async () => {
  const telegram = await bots.startTelegram()
  const first = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  await first.close()
  expect(telegram.unconfirmed).toEqual([])
  await bots.launch(polling(telegram))
  await telegram.user.text(7, '/help')
  await telegram.message((message) => message.text.startsWith('Commands'))
  expect(telegram.messages).toHaveLength(2)
})
