import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { failed, lost, polling, range, soon, stepOf, told, useBots } from './bot-world.ts'

const bots = useBots()

test('every event is told once and in order, over a restart in the middle', async () => {
  const telegram = await bots.startTelegram()
  const first = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  for (const step of range(20)) await bots.world.store.notifications.addForEvent(await append(step), { isUrgent: true })
  const [chat] = await bots.world.store.chats.list()
  await first.queue.deliver(chat!.id)
  await telegram.sent(5)
  await first.close()
  const soFar = told(telegram, 7).length
  expect(soFar).toBeLessThan(20)

  await bots.launch(polling(telegram))
  await telegram.message((message) => stepOf(message) === 19)
  expect(told(telegram, 7)).toEqual(range(20))
})

const append = (step: number) => bots.world.store.events.append(bots.experiment.id, failed(step))

test('a bot that is killed between sending and marking tells at most that one again, and loses none', async () => {
  const telegram = await bots.startTelegram()
  await telegram.user.text(7, 'hello')
  const { id } = await bots.world.store.chats.pair({ chatId: 7, title: 'Ada' })
  for (const step of range(3)) await bots.world.store.notifications.addForEvent(await append(step), { isUrgent: true })
  const options = JSON.stringify({ databaseUrl: bots.world.databaseUrl, telegram: polling(telegram) })
  const holder = fork(fileURLToPath(new URL('./bot-holder.ts', import.meta.url)), [options])
  onTestFinished(() => void holder.kill('SIGKILL'))
  const queue = await bots.openOwnQueue()
  bots.laterClose(() => queue.close())
  await queue.deliver(id)
  await once(holder, 'message')
  holder.kill('SIGKILL')
  expect(told(telegram, 7)).toEqual([0])

  await bots.launch(polling(telegram))
  await telegram.message((message) => stepOf(message) === 2)
  expect(told(telegram, 7)).toEqual([0, 0, 1, 2])
})

test('a message whose answer was lost is told again, at most once more', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  telegram.failNext({ kind: 'lost-answer' })
  await bots.emit(queue, failed(1))
  await telegram.sent(3)
  await bots.emit(queue, failed(2))
  await telegram.message((message) => stepOf(message) === 2)
  expect(told(telegram, 7)).toEqual([1, 1, 2])
})

test('a flood limit is waited for, in order and without asking again; other chats are not delayed', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  await bots.pair(telegram, 8)
  telegram.failNext({ kind: 'flood', seconds: 3 }, { chatId: 7 })
  await bots.emit(queue, failed(0))
  await telegram.message((message) => message.chat.id === 8 && stepOf(message) === 0)
  expect(told(telegram, 7)).toEqual([])
  // What happens meanwhile waits with the rest.
  for (const step of range(5).slice(1)) await bots.emit(queue, failed(step))
  for (const chat of [7, 8]) await telegram.message((message) => message.chat.id === chat && stepOf(message) === 4)

  expect([told(telegram, 7), told(telegram, 8)]).toEqual([range(5), range(5)])
  const tries = telegram.calls.filter(({ method, params }) => method === 'sendMessage' && params.chat_id === 7)
  const [answerToPairing, refused] = [1, 1]
  expect(tries).toHaveLength(answerToPairing + refused + 5)
})

test('a message that Telegram refuses for what it holds is replaced by a line, and those behind it come', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  telegram.failNext({ kind: 'bad-content' }, { chatId: 7 })
  await bots.emit(queue, failed(1))
  await bots.emit(queue, failed(2))
  await telegram.message((message) => stepOf(message) === 2)
  expect(told(telegram, 7)).toEqual([2])
  await telegram.message(({ text }) => text.includes(`look at /exp ${bots.experiment.project}#1`))
})

test('while Telegram fails, what is to be told waits', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  telegram.failNext({ kind: 'server-error' }, { times: 2 })
  await bots.emit(queue, failed(1))
  await telegram.message((message) => stepOf(message) === 1)
  expect(told(telegram, 7)).toEqual([1])
})

test('a chat that blocked the bot is unpaired and its notifications are dropped; others go on', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  await bots.pair(telegram, 8)
  telegram.failNext({ kind: 'blocked' }, { chatId: 7 })
  await bots.emit(queue, failed(1))
  await expect.poll(() => bots.world.store.chats.find(7), soon).toBeNull()
  await expect.poll(() => bots.world.store.notifications.chatsWaiting(), soon).toEqual([])
  await bots.emit(queue, failed(2))
  await telegram.message((message) => stepOf(message) === 2)
  expect([told(telegram, 7), told(telegram, 8)]).toEqual([[], [1, 2]])
})

test('a group that becomes a supergroup is told there, each event once', async () => {
  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, -5)
  await telegram.user.migrate(-5, -1005)
  await bots.emit(queue, failed(1))
  await telegram.message((message) => stepOf(message) === 1)
  await bots.emit(queue, failed(2))
  await telegram.message((message) => stepOf(message) === 2)
  expect([told(telegram, -5), told(telegram, -1005)]).toEqual([[], [1, 2]])
  expect(await bots.world.store.chats.list()).toMatchObject([{ chatId: -1005, title: 'Group 5' }])
})

test('without a token the terminal is told; with one, it is no longer', async () => {
  const printed: string[] = []
  const terminal = await bots.launch(null, { print: (text) => void printed.push(text) })
  expect(terminal.botName).toBeNull()
  await bots.emit(terminal.queue, lost(1))
  await expect
    .poll(() => printed, soon)
    .toEqual(['🔌 emoji #1 test: session kaggle-1 lost\nFold 0 (attempt 1) goes on from step 1.'])
  await terminal.close()

  const telegram = await bots.startTelegram()
  const { queue } = await bots.launch(polling(telegram))
  await bots.pair(telegram, 7)
  await bots.emit(queue, failed(2))
  await telegram.message((message) => stepOf(message) === 2)
  expect(await bots.world.store.chats.list()).toMatchObject([{ chatId: 7 }])
  expect(printed).toHaveLength(1)
})

test('what waits for Telegram stays while the bot runs without its token', async () => {
  const telegram = await bots.startTelegram()
  await telegram.user.text(7, 'hello')
  const { id } = await bots.world.store.chats.pair({ chatId: 7, title: 'Ada' })
  const printed: string[] = []
  const terminal = await bots.launch(null, { print: (text) => void printed.push(text) })
  await bots.emit(terminal.queue, failed(1))
  await expect.poll(() => printed, soon).toHaveLength(1)
  await terminal.close()
  expect(await bots.world.store.notifications.chatsWaiting()).toEqual([id])

  const { queue } = await bots.launch(polling(telegram))
  await queue.deliver(id)
  await telegram.message((message) => stepOf(message) === 1)
  expect(told(telegram, 7)).toEqual([1])
})
