import { ChatGone, RetryAfter } from '@baton/core'
import type { Store } from '@baton/core'
import { TelegramError } from 'telegraf'
import { expect, test } from 'vitest'
import { createThrottle } from './throttle.ts'
import { writeToChat } from './write-to-chat.ts'

const refusal = (code: number, description: string, parameters?: object) =>
  new TelegramError({ error_code: code, description, ...(parameters && { parameters }) })

/** A way to chats whose writes are refused one after the other, then succeed. */
function aWay(refusals: Error[] = []) {
  let now = 0
  const written: number[] = []
  const moved: [number, number][] = []
  const chats = { move: async (from: number, to: number) => void moved.push([from, to]) }
  const store = { transaction: (work: (tables: object) => unknown) => work({ chats }) } as unknown as Store
  const way = writeToChat({ store, throttle: createThrottle({ now: () => now }) })
  const write = (chatId: number) =>
    way(chatId, 'urgent', async (id) => {
      const error = refusals.shift()
      if (error) throw error
      written.push(id)
    })
  return { write, written, moved, pass: (seconds: number) => void (now += seconds * 1000) }
}

test('a flood limit becomes the pause that Telegram asks for, and nothing is written to the chat until it is over', async () => {
  const { write, written, pass } = aWay([refusal(429, 'Too Many Requests: retry after 17', { retry_after: 17 })])
  await expect(write(7)).rejects.toEqual(new RetryAfter(17))
  pass(16)
  await expect(write(7)).rejects.toEqual(new RetryAfter(1))
  await write(8)
  pass(1)
  await write(7)
  expect(written).toEqual([8, 7])
})

test.each([
  [403, 'Forbidden: bot was blocked by the user'],
  [403, 'Forbidden: bot was kicked from the group chat'],
  [400, 'Bad Request: chat not found'],
  [400, 'Bad Request: not enough rights to send text messages to the chat'],
])('%d %s: the chat is gone', async (code, description) => {
  await expect(aWay([refusal(code, description)]).write(7)).rejects.toBeInstanceOf(ChatGone)
})

test.each([
  refusal(500, 'Internal Server Error'),
  refusal(400, "Bad Request: can't parse entities"),
  new Error('reset'),
])('what says nothing about the chat is thrown as it is: %s', async (error) => {
  await expect(aWay([error]).write(7)).rejects.toBe(error)
})

const upgraded = refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
  migrate_to_chat_id: -1007,
})

test('a group that moved keeps its pairing under its new id, and is written to there', async () => {
  const { write, written, moved } = aWay([upgraded])
  await write(-7)
  expect([written, moved]).toEqual([[-1007], [[-7, -1007]]])
})

test('a pause asked for by the new group is obeyed too', async () => {
  const { write } = aWay([upgraded, refusal(429, 'Too Many Requests', { retry_after: 3 })])
  await expect(write(-7)).rejects.toEqual(new RetryAfter(3))
})
