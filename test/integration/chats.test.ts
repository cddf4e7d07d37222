import type { Client } from '@baton/contracts'
import { aCompletedExperiment, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client

beforeAll(async () => {
  world = await createWorld()
  rest = await startRest(world)
  owner = rest.owner
})
afterAll(async () => {
  await rest.close()
  await world.close()
})

test('a chat that is unlinked over REST is listed no more and told nothing more, also of what waits', async () => {
  const { chats, notifications } = world.store
  const [me, group] = [await chats.pair({ chatId: 7, title: 'me' }), await chats.pair({ chatId: -8, title: 'group' })]
  await aCompletedExperiment(world)
  expect(await notifications.chatsWaiting()).toHaveLength(2)
  expect((await owner.listChats()).items.map(({ id, chatId, title }) => ({ id, chatId, title }))).toEqual([
    { id: me.id, chatId: 7, title: 'me' },
    { id: group.id, chatId: -8, title: 'group' },
  ])
  await owner.unlinkChat({ params: { chat: me.id } })
  expect((await owner.listChats()).items.map(({ id }) => id)).toEqual([group.id])
  expect(await notifications.chatsWaiting()).toEqual([group.id])
  await chats.pair({ chatId: 7, title: 'me again' })
  expect(await notifications.chatsWaiting()).toEqual([group.id])
  await owner.unlinkChat({ params: { chat: group.id } })
  await expect(owner.unlinkChat({ params: { chat: group.id } })).rejects.toMatchObject({ code: 'not-found' })
})
