import type { Event, EventPayload } from '@baton/contracts'
import { deliverNotifications, dispatchOutbox, failFold, fanOutEvent, reconcile } from '@baton/core'
import { aLease, anExperiment, aSession, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { emit } from '../../packages/core/src/notification/emit.ts'

let world: World
let chat: string

beforeEach(async () => {
  world = await createWorld()
  chat = (await world.store.chats.pair({ chatId: 7, title: 'me' })).id
})
afterEach(() => world.close())

async function aFailedFold(): Promise<void> {
  await anExperiment(world, { folds: { count: 2, only: [0] } })
  const sessionId = await aSession(world)
  const { foldId, fence } = await aLease(world, sessionId)
  const failure = { code: 'loss-not-finite', detail: 'NaN', lastLines: [], step: 3 } as const
  await failFold(world, { foldId, fence, sessionId, failure: { ...failure, lastLines: [] } })
}

test('whoever is to be told is told, though the queue lost every job of it (I6)', async () => {
  await aFailedFold()
  await dispatchOutbox(world)
  world.queue.events.length = 0
  await reconcile(world)
  expect(world.queue.delivering).toEqual([chat])
  const sent: string[] = []
  const messenger = {
    send: async (_: number, event: { payload: { kind: string } }) => void sent.push(event.payload.kind),
    sendDigest: () => Promise.reject(new Error('one event is no digest')),
  }
  await deliverNotifications({ ...world, messenger }, { chat })
  expect(sent).toEqual(['fold-failed'])
})

test('an event that is handed out again is told once', async () => {
  await aFailedFold()
  await dispatchOutbox(world)
  const [eventId] = world.queue.events
  await fanOutEvent(world, { eventId: eventId! })
  await fanOutEvent(world, { eventId: eventId! })
  expect(await world.store.notifications.due(chat, 10)).toHaveLength(1)
})

test('a chat that left while something was about to be told is not waited for', async () => {
  await aFailedFold()
  await world.store.chats.unpair(7)
  expect(await world.store.notifications.due(chat, 10)).toEqual([])
  expect(await world.store.notifications.chatsWaiting()).toEqual([])
})

test('a muted experiment is told without a sound, and a chat with a digest hour is told quiet things then, as one message', async () => {
  const told: string[] = []
  const messenger = {
    send: async (_: number, event: Event, { hasSound }: { hasSound: boolean }) =>
      void told.push(`${event.payload.kind} ${hasSound ? 'with a sound' : 'silent'}`),
    sendDigest: async (_: number, events: readonly Event[]) => {
      told.push(`digest of ${events.length}`)
      return events.length
    },
  }
  const { store } = world
  const { id: experimentId } = await anExperiment(world)
  const tell = async (payload: EventPayload) => {
    await store.transaction((tables) => emit(tables, experimentId, payload))
    await deliverNotifications({ store, messenger }, { chat })
  }
  const failure = { code: 'loss-not-finite' as const, detail: 'NaN', lastLines: [], step: 3 }
  await tell({ kind: 'experiment-failed', failure })
  await store.chats.mute(chat, { experimentId, seconds: 60 })
  await tell({ kind: 'experiment-failed', failure })
  await store.chats.mute(chat, { experimentId, seconds: null })
  await tell({ kind: 'experiment-failed', failure })
  // Half a day away from the database's clock, whenever this runs.
  await store.chats.configure(chat, { digestHour: (new Date().getUTCHours() + 12) % 24 })
  for (const _ of [1, 2]) await tell({ kind: 'experiment-paused' })
  expect(await store.notifications.chatsWaiting()).toEqual([])
  await tell({ kind: 'experiment-failed', failure })
  await store.chats.configure(chat, { digestHour: null })
  await deliverNotifications({ store, messenger }, { chat })
  expect(told).toEqual([
    'experiment-failed with a sound',
    'experiment-failed silent',
    'experiment-failed with a sound',
    'experiment-failed with a sound',
    'digest of 2',
  ])
})
