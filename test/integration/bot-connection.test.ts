import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FakeTelegram } from '@baton/testing'
import { describe, expect, test } from 'vitest'
import { failed, polling, soon, token, useBots } from './bot-world.ts'

const bots = useBots()

describe('webhook', () => {
  test('updates come through the API with the secret; without it they are refused and nothing is done', async () => {
    const secretToken = 'a-secret-of-the-webhook'
    const origins: Record<string, string> = {}
    const telegram = await bots.startTelegram({ origins })
    const webhook = { url: 'https://baton.example.org/telegram', secretToken, path: '/telegram' }
    const bot = await bots.launch({ ...polling(telegram), webhook })
    const api = await bots.startOwnApi(bot.webhook)
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

    await telegram.user.text(7, `/start ${await bots.aCode()}`)
    expect(telegram.webhookAnswers).toEqual([200])
    expect(telegram.messages.map((message) => message.text.split('\n')[0])).toEqual(['This chat is paired.'])
    expect(bots.logged).not.toContain(secretToken)
  })
})

test('an update that Telegram sends again, as its answer was lost, is handled once, over a restart of the bot', async () => {
  const telegram = await bots.startTelegram()
  const webhook = { url: 'https://baton.example.org/telegram', secretToken: 'secret', path: '/telegram' }
  await telegram.user.text(7, 'hello')
  const chat = { id: 7, type: 'private', first_name: 'Ada' }
  const entities = [{ type: 'bot_command', offset: 0, length: 5 }]
  const update = { update_id: 11, message: { message_id: 1, date: 0, chat, from: chat, text: '/help', entities } }
  const deliver = async () => {
    const bot = await bots.launch({ ...polling(telegram), webhook })
    const { url } = await bots.startOwnApi(bot.webhook)
    const headers = { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': 'secret' }
    const post = () => fetch(`${url}/telegram`, { method: 'POST', headers, body: JSON.stringify(update) })
    await expect.poll(async () => (await post()).status, soon).toBe(200)
    await bot.close()
  }
  await deliver()
  await deliver()
  expect(telegram.messages).toHaveLength(1)
})

describe('a Telegram that is away or refuses', () => {
  test('a token that Telegram refuses stops the start, and is not named', async () => {
    const telegram = await bots.startTelegram()
    const refused = bots.launch({ token: '1:hush', apiRoot: telegram.url })
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
      else bots.laterClose(stop)
      await bots.world.store.chats.pair({ chatId: 7, title: 'Ada' })
      const bot = await bots.launch({ token, apiRoot })
      expect(bot.botName).toBeNull()
      await bots.emit(bot.queue, failed(1))
      await expect.poll(() => bots.logged, soon).toContain('job failed, it will be tried again')
      expect(bots.logged).toContain('telegram does not answer yet')
      expect(await bots.world.store.notifications.chatsWaiting()).toHaveLength(1)
    },
  )

  test('a bot that was pushed aside by another one with its token takes over once that one is gone', async () => {
    const telegram = await bots.startTelegram()
    await bots.launch(polling(telegram))
    const second = await bots.launch(polling(telegram))
    await expect.poll(() => bots.logged, soon).toContain('terminated by other getUpdates request')
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
    bots.laterClose(async () => gate.closeAllConnections())
    bots.laterClose(() => new Promise((resolve) => gate.close(resolve)))
    await bots.launch({ token, apiRoot: `http://127.0.0.1:${(gate.address() as AddressInfo).port}` })
    const telegram = await bots.startTelegram()
    origins.push(telegram)
    await telegram.user.text(7, '/help')
    expect((await telegram.message(() => true)).text).toMatch(/not paired/)
  })
})
