import type { StreamItem } from '@baton/contracts'
import { expect, test, vi } from 'vitest'
import { openFeed } from './feed.ts'

/** A source of numbers, looked at when the test says so. */
function aSource() {
  const items: StreamItem<number>[] = []
  let look: () => void = () => undefined
  const news = vi.fn(async (after: ReadonlyMap<string, number>, limit: number) => {
    return new Map([...after].map(([key, place]) => [key, items.slice(place, place + limit)]))
  })
  const feed = openFeed<number>(
    { head: async () => items.length, news },
    { pause: () => new Promise((resolve) => (look = resolve)), onError: (error) => void onError(error) },
  )
  const onError = vi.fn<(error: unknown) => void>()
  const add = (count: number) => {
    for (let i = 0; i < count; i++) items.push({ place: items.length + 1, data: items.length + 1 })
  }
  const replay = async (after: number, limit: number) => items.slice(after, after + limit)
  const lookNow = async () => {
    look()
    await new Promise(setImmediate)
  }
  return { feed, news, add, replay, lookNow, onError }
}

test('however many follow, one look finds the news of all; none while nobody follows', async () => {
  const { feed, news, add, replay, lookNow } = aSource()
  const ended = new AbortController()
  const follow = () => feed.follow('all', { after: null, replay, signal: AbortSignal.any([ended.signal]) })
  const followings = await Promise.all(Array.from({ length: 50 }, follow))
  const firsts = Promise.all(followings.map(({ items }) => items[Symbol.asyncIterator]().next()))
  add(1)
  await lookNow()
  expect((await firsts).map(({ value }) => (value as StreamItem<number>).data)).toEqual(Array(50).fill(1))
  expect(news).toHaveBeenCalledTimes(1)
  ended.abort()
  await lookNow()
  const looks = news.mock.calls.length
  await lookNow()
  expect(news).toHaveBeenCalledTimes(looks)
})

test('one that falls behind reads again what was not kept for it, and misses nothing', async () => {
  const { feed, add, replay, lookNow } = aSource()
  const signal = new AbortController().signal
  const items = (await feed.follow('all', { after: null, replay, signal })).items[Symbol.asyncIterator]()
  const read: number[] = []
  const next = async () => read.push(((await items.next()).value as StreamItem<number>).data)
  const first = next()
  add(1)
  await lookNow()
  await first
  for (let i = 0; i < 10; i++) {
    add(400)
    await lookNow()
  }
  while (read.length < 4001) await next()
  expect(read).toEqual(Array.from({ length: 4001 }, (_, i) => i + 1))
})

test('a look that fails is told, and the next one brings what it would have', async () => {
  const { feed, news, add, replay, lookNow, onError } = aSource()
  const items = (await feed.follow('all', { after: null, replay, signal: new AbortController().signal })).items
  const next = items[Symbol.asyncIterator]().next()
  await new Promise(setImmediate)
  add(1)
  news.mockRejectedValueOnce(new Error('away'))
  await lookNow()
  expect(onError).toHaveBeenCalledTimes(1)
  await lookNow()
  expect((await next).value).toEqual({ place: 1, data: 1 })
})

test('only what is accepted is told, and a place begins after itself', async () => {
  const { feed, add, replay, lookNow } = aSource()
  add(5)
  const accepts = (data: number) => data % 2 === 0
  const even = async (after: number, limit: number) => (await replay(after, limit)).filter(({ data }) => accepts(data))
  const signal = new AbortController().signal
  const items = (await feed.follow('all', { after: 2, replay: even, accepts, signal })).items[Symbol.asyncIterator]()
  expect((await items.next()).value).toEqual({ place: 4, data: 4 })
  const next = items.next()
  add(3)
  await lookNow()
  expect((await next).value).toEqual({ place: 6, data: 6 })
})
