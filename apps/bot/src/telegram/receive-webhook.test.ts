import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Update } from 'telegraf/types'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { receiveWebhook } from './receive-webhook.ts'

let server: Server
let updates: Update[]
let isReady: boolean

beforeEach(async () => {
  updates = []
  isReady = true
  const handle = async (update: Update) => isReady && updates.push(update) > 0
  server = createServer(receiveWebhook({ path: '/telegram', secretToken: 'right' }, handle))
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  { secret = 'right', path = '/telegram', method = 'POST' } = {},
): Promise<number> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  const headers = secret === '' ? {} : { 'x-telegram-bot-api-secret-token': secret }
  const response = await fetch(url, { method, headers, ...(method === 'POST' ? { body } : {}) })
  return response.status
}

test('an update with the secret is handled, then answered', async () => {
  expect(await post('{"update_id":7}')).toBe(200)
  expect(updates).toEqual([{ update_id: 7 }])
})

test.each([{ secret: 'wrong' }, { secret: '' }, { secret: 'right ' + 'x' }])('%j is refused', async (given) => {
  expect(await post('{"update_id":7}', given)).toBe(403)
  expect(updates).toEqual([])
})

test.each([{ path: '/telegram/x' }, { method: 'GET' }])('%j is not there', async (given) => {
  expect(await post('{"update_id":7}', given)).toBe(404)
})

test.each(['{', '[]', 'null', '"x"'])('the body %s is no update', async (body) => {
  expect(await post(body)).toBe(400)
  expect(updates).toEqual([])
})

test('an update that cannot be handled yet is left with Telegram', async () => {
  isReady = false
  expect(await post('{"update_id":7}')).toBe(503)
})
