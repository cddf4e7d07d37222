import type { Event } from '@baton/contracts'
import { ChatGone, RetryAfter } from '@baton/core'
import type { Store } from '@baton/core'
import { TelegramError } from 'telegraf'
import { expect, test } from 'vitest'
import type { BotApi } from '../telegram/bot-api.ts'
import { telegramMessenger } from './telegram-messenger.ts'

const event = { project: 'p', version: 1, experiment: 'e', payload: { kind: 'experiment-cancelled' } } as Event
const refusal = (code: number, description: string, parameters?: object) =>
  new TelegramError({ error_code: code, description, ...(parameters && { parameters }) })

/** A messenger whose calls are refused one after the other, then succeed. */
function aMessenger(refusals: Error[], paired: { chatId: number; title: string }[] = []) {
  const sentTo: number[] = []
  const api = {
    sendHtml: async (chatId: number) => {
      const error = refusals.shift()
      if (error) throw error
      sentTo.push(chatId)
    },
  } as unknown as BotApi
  const notifications = {
    findChat: async (chatId: number) => paired.find((chat) => chat.chatId === chatId) ?? null,
    unpair: async (chatId: number) =>
      void paired.splice(
        paired.findIndex((chat) => chat.chatId === chatId),
        1,
      ),
    pair: async (chat: { chatId: number; title: string }) => void paired.push(chat),
  }
  const store = { transaction: (work: (tables: object) => unknown) => work({ notifications }) } as unknown as Store
  return { send: (chatId: number) => telegramMessenger({ api, store }).send(chatId, event), sentTo, paired }
}

test('a flood limit becomes the pause that Telegram asks for', async () => {
  const { send } = aMessenger([refusal(429, 'Too Many Requests: retry after 17', { retry_after: 17 })])
  await expect(send(7)).rejects.toEqual(new RetryAfter(17))
})

test.each([
  [403, 'Forbidden: bot was blocked by the user'],
  [403, 'Forbidden: bot was kicked from the group chat'],
  [400, 'Bad Request: chat not found'],
  [400, 'Bad Request: not enough rights to send text messages to the chat'],
])('%d %s: the chat is gone', async (code, description) => {
  await expect(aMessenger([refusal(code, description)]).send(7)).rejects.toBeInstanceOf(ChatGone)
})

test.each([
  refusal(500, 'Internal Server Error'),
  refusal(400, "Bad Request: can't parse entities"),
  new Error('reset'),
])('what says nothing about the chat is thrown as it is: %s', async (error) => {
  await expect(aMessenger([error]).send(7)).rejects.toBe(error)
})

test('a group that moved is paired under its new id, and gets the message there', async () => {
  const moved = refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: -1007 })
  const { send, sentTo, paired } = aMessenger([moved], [{ chatId: -7, title: 'Team' }])
  await send(-7)
  expect(sentTo).toEqual([-1007])
  expect(paired).toEqual([{ chatId: -1007, title: 'Team' }])
})

test('a pause asked for by the new group is obeyed too', async () => {
  const moved = refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: -1007 })
  const { send } = aMessenger([moved, refusal(429, 'Too Many Requests', { retry_after: 3 })])
  await expect(send(-7)).rejects.toEqual(new RetryAfter(3))
})
