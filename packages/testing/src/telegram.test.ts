import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { startFakeTelegram } from './telegram.ts'
import type { FakeTelegram, FakeTelegramOptions } from './telegram.ts'

const token = '123456:fake-token'
const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

async function start(options: Partial<FakeTelegramOptions> = {}): Promise<FakeTelegram> {
  const telegram = await startFakeTelegram({ token, ...options })
  opened.push(() => telegram.close())
  return telegram
}

async function call(telegram: FakeTelegram, method: string, params: object = {}, given = token) {
  const response = await fetch(`${telegram.url}/bot${given}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  })
  return (await response.json()) as {
    ok: boolean
    result: never
    error_code: number
    description: string
    parameters?: object
  }
}

/** A fake with one chat that wrote, and a short way to answer it. */
async function aChat(options: Partial<FakeTelegramOptions> = {}) {
  const telegram = await start(options)
  await telegram.user.text(7, 'hello')
  return { telegram, send: (params: object) => call(telegram, 'sendMessage', { chat_id: 7, ...params }) }
}

test('a wrong token is refused, and so is a method that is not there', async () => {
  const telegram = await start()
  expect(await call(telegram, 'getMe', {}, '1:other')).toMatchObject({ ok: false, error_code: 401 })
  expect(await call(telegram, 'getMany')).toMatchObject({ ok: false, error_code: 404 })
  expect(await call(telegram, 'getMe')).toMatchObject({ ok: true, result: { username: 'baton_test_bot' } })
})

describe('sendMessage', () => {
  test('answers with ids that grow', async () => {
    const { send } = await aChat()
    const first = (await send({ text: 'a' })).result as { message_id: number }
    const second = (await send({ text: 'b' })).result as { message_id: number }
    expect(second.message_id).toBe(first.message_id + 1)
  })

  test('shows what HTML says, entities decoded', async () => {
    const { telegram, send } = await aChat()
    await send({ parse_mode: 'HTML', text: '<b>a &lt; b</b> &amp; <a href="https://x">c</a>&#33;&nope;' })
    expect(telegram.messages[0]).toMatchObject({ text: 'a < b & c!&nope;' })
  })

  test.each([
    ['<b>open', /end tag corresponding to start tag "b"/],
    ['a < b', /Unsupported start tag/],
    ['<script>x</script>', /Unsupported start tag "script"/],
    ['<b><i>x</b></i>', /Unmatched end tag/],
    ['x</b>', /Unexpected end tag/],
  ])('refuses the HTML %s', async (text, reason) => {
    const { send } = await aChat()
    const answer = await send({ parse_mode: 'HTML', text })
    expect(answer).toMatchObject({ ok: false, error_code: 400 })
    expect(answer.description).toMatch(reason)
  })

  test('counts 4096 characters after markup, and refuses none', async () => {
    const { send } = await aChat()
    expect(await send({ parse_mode: 'HTML', text: `<b>${'&lt;'.repeat(4096)}</b>` })).toMatchObject({ ok: true })
    expect(await send({ text: 'x'.repeat(4097) })).toMatchObject({ description: 'Bad Request: message is too long' })
    expect(await send({ text: ' ' })).toMatchObject({ description: 'Bad Request: message text is empty' })
  })

  test('refuses button data over 64 bytes, counted in bytes', async () => {
    const { send } = await aChat()
    const button = (data: string) => ({ reply_markup: { inline_keyboard: [[{ text: 'Go', callback_data: data }]] } })
    expect(await send({ text: 'x', ...button('a'.repeat(64)) })).toMatchObject({ ok: true })
    expect(await send({ text: 'x', ...button('é'.repeat(33)) })).toMatchObject({
      description: 'Bad Request: BUTTON_DATA_INVALID',
    })
  })

  test('refuses chats that never wrote, blocked the bot or moved', async () => {
    const telegram = await start()
    const send = (chat: number) => call(telegram, 'sendMessage', { chat_id: chat, text: 'x' })
    expect(await send(9)).toMatchObject({ error_code: 400, description: 'Bad Request: chat not found' })
    await telegram.user.block(8)
    expect(await send(8)).toMatchObject({ error_code: 403, description: 'Forbidden: bot was blocked by the user' })
    await telegram.user.migrate(-7, -1007)
    expect(await send(-7)).toMatchObject({ error_code: 400, parameters: { migrate_to_chat_id: -1007 } })
    expect(await send(-1007)).toMatchObject({ ok: true })
  })

  test('refuses a chat above its limit and says when to come again; other chats are not touched', async () => {
    let now = 0
    const { telegram, send } = await aChat({ limit: { burst: 2, perSecond: 0.5 }, now: () => now })
    await telegram.user.text(8, 'hello')
    expect([(await send({ text: '1' })).ok, (await send({ text: '2' })).ok]).toEqual([true, true])
    expect(await send({ text: '3' })).toMatchObject({ error_code: 429, parameters: { retry_after: 2 } })
    expect(await call(telegram, 'sendMessage', { chat_id: 8, text: '1' })).toMatchObject({ ok: true })
    now = 2000
    expect(await send({ text: '3' })).toMatchObject({ ok: true })
  })

  test('refuses a chat for as long as a flood says', async () => {
    let now = 0
    const { telegram, send } = await aChat({ now: () => now })
    telegram.failNext({ kind: 'flood', seconds: 9 }, { chatId: 7 })
    expect(await send({ text: 'a' })).toMatchObject({ error_code: 429, parameters: { retry_after: 9 } })
    now = 8000
    expect(await send({ text: 'a' })).toMatchObject({ error_code: 429, parameters: { retry_after: 1 } })
    now = 9000
    expect(await send({ text: 'a' })).toMatchObject({ ok: true })
  })

  test('fails as planned, and loses an answer only after the message was stored', async () => {
    const { telegram, send } = await aChat()
    telegram.failNext({ kind: 'flood', seconds: 9 }, { chatId: 8 })
    telegram.failNext({ kind: 'server-error' })
    telegram.failNext({ kind: 'lost-answer' })
    expect(await send({ text: 'a' })).toMatchObject({ error_code: 500 })
    await expect(send({ text: 'b' })).rejects.toThrow()
    expect(telegram.messages.map((message) => message.text)).toEqual(['b'])
    expect(await send({ text: 'c' })).toMatchObject({ ok: true })
  })
})

test('an edit changes the message; one that changes nothing is refused', async () => {
  const { telegram, send } = await aChat()
  const { message_id } = (await send({ text: 'a' })).result as { message_id: number }
  const edit = (params: object) => call(telegram, 'editMessageText', { chat_id: 7, message_id, ...params })
  expect((await edit({ text: 'a' })).description).toMatch(/message is not modified/)
  expect(await edit({ text: 'b' })).toMatchObject({ ok: true })
  expect(telegram.messages[0]).toMatchObject({ text: 'b' })
  expect((await edit({ message_id: 999, text: 'b' })).description).toMatch(/message to edit not found/)
  telegram.user.delete(telegram.messages[0]!)
  expect((await edit({ text: 'c' })).description).toMatch(/message to edit not found/)
  await telegram.user.block(7)
  expect(await edit({ text: 'c' })).toMatchObject({ error_code: 403 })
})

test('whoever presses a button is told once, what the bot says', async () => {
  const { telegram, send } = await aChat()
  await send({ text: 'a', reply_markup: { inline_keyboard: [[{ text: 'Go', callback_data: 'go' }]] } })
  const told = telegram.user.press(telegram.messages[0]!, { label: 'Go' })
  const { callback_query: query } = telegram.unconfirmed.at(-1) as unknown as {
    callback_query: { id: string; data: string }
  }
  expect(query.data).toBe('go')
  const answer = (text: string) => call(telegram, 'answerCallbackQuery', { callback_query_id: query.id, text })
  expect(await answer('x'.repeat(201))).toMatchObject({ ok: false })
  expect(await answer('gone')).toMatchObject({ ok: true })
  expect(await told).toBe('gone')
  expect(await answer('late')).toMatchObject({ ok: false, error_code: 400 })
})

describe('getUpdates', () => {
  const texts = (answer: { result: unknown }) =>
    (answer.result as { message: { text: string } }[]).map((update) => update.message.text)

  test('gives an update again until an offset confirms it', async () => {
    const telegram = await start()
    await telegram.user.text(7, 'one')
    await telegram.user.text(7, 'two')
    expect(texts(await call(telegram, 'getUpdates', { limit: 1 }))).toEqual(['one'])
    expect(texts(await call(telegram, 'getUpdates'))).toEqual(['one', 'two'])
    expect(texts(await call(telegram, 'getUpdates', { offset: 2 }))).toEqual(['two'])
    expect(telegram.unconfirmed).toHaveLength(1)
  })

  test('waits for an update, and ends with 409 when another poll comes', async () => {
    const telegram = await start()
    const polls = [call(telegram, 'getUpdates', { timeout: 30 })]
    await expect.poll(() => telegram.calls.length, { timeout: 20_000 }).toBe(1)
    polls.push(call(telegram, 'getUpdates', { timeout: 30 }))
    expect(await polls[0]).toMatchObject({ error_code: 409 })
    await telegram.user.text(7, 'late')
    expect(texts(await polls[1]!)).toEqual(['late'])
  })

  test('is refused while a webhook is set', async () => {
    const telegram = await start()
    await call(telegram, 'setWebhook', { url: 'https://bot.example/telegram' })
    expect(await call(telegram, 'getUpdates')).toMatchObject({ error_code: 409 })
    await call(telegram, 'deleteWebhook')
    expect(await call(telegram, 'getUpdates')).toMatchObject({ ok: true })
  })
})

test('a webhook gets the secret, and an update again until it takes it', async () => {
  const seen: (string | string[] | undefined)[] = []
  let status = 500
  const receiver = createServer((request, response) => {
    seen.push(request.headers['x-telegram-bot-api-secret-token'])
    request.resume().on('end', () => response.writeHead(status).end())
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  opened.push(async () => {
    receiver.closeAllConnections()
    await new Promise((resolve) => receiver.close(resolve))
  })
  const local = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  const telegram = await start({ origins: { 'https://bot.example': local } })

  expect(await call(telegram, 'setWebhook', { url: local })).toMatchObject({ error_code: 400 })
  await call(telegram, 'setWebhook', { url: 'https://bot.example/telegram', secret_token: 'se-cret' })
  await telegram.user.text(7, 'hello')
  expect(telegram.unconfirmed).toHaveLength(1)
  status = 200
  expect(await telegram.redeliver()).toEqual([200])
  expect(telegram.unconfirmed).toHaveLength(0)
  expect(seen).toEqual(['se-cret', 'se-cret'])
})
