import { expect, test } from 'vitest'
import { batchesAhead, prefetch } from './prefetch.ts'

/** Items that are finished by hand, in any order. */
function byHand() {
  const started = new Map<number, { resolve: (value: number) => void; reject: (error: Error) => void }>()
  const make = (i: number) =>
    new Promise<number>((resolve, reject) => {
      started.set(i, { resolve, reject })
    })
  return { started, make }
}

test('items come in order, whatever order they are finished in', async () => {
  const { started, make } = byHand()
  const items = prefetch(3, 6, 5, make)
  const first = items.next()
  for (const i of [5, 3, 4]) started.get(i)!.resolve(i * 10)
  expect(
    [await first, await items.next(), await items.next(), await items.next()].map(({ value }) => value as unknown),
  ).toEqual([30, 40, 50, undefined])
})

test('no more are under way than the one asked for and those ahead', async () => {
  const { started, make } = byHand()
  const items = prefetch(0, 10, 2, make)
  const first = items.next()
  expect([...started.keys()]).toEqual([0, 1, 2])
  started.get(0)!.resolve(0)
  await first
  expect(started.size).toBe(3)
  const second = items.next()
  expect([...started.keys()]).toEqual([0, 1, 2, 3])
  for (const { resolve } of started.values()) resolve(0)
  await second
  await items.return()
})

test('a failure comes in the turn of its item', async () => {
  const { started, make } = byHand()
  const items = prefetch(0, 3, 2, make)
  const first = items.next()
  started.get(1)!.reject(new Error('item 1'))
  started.get(0)!.resolve(0)
  started.get(2)!.resolve(2)
  expect((await first).value).toBe(0)
  await expect(items.next()).rejects.toThrow('item 1')
})

test('stopping early waits for the items under way', async () => {
  const { started, make } = byHand()
  const items = prefetch(0, 3, 2, make)
  const first = items.next()
  started.get(0)!.resolve(0)
  await first
  let isOver = false
  const over = items.return().then(() => (isOver = true))
  started.get(1)!.resolve(1)
  await new Promise(setImmediate)
  expect(isOver).toBe(false)
  started.get(2)!.reject(new Error('dropped'))
  await over
})

test('threads are ahead by at most 8 batches, 256 MB and half an epoch, but by 2 in any case', () => {
  const [small, large, huge] = [1e6, 50e6, 1e9]
  expect([small, large, huge].map((bytes) => batchesAhead(1, bytes, 100))).toEqual([8, 5, 2])
  expect([1, 5, 12, 40].map((perEpoch) => batchesAhead(4, small, perEpoch))).toEqual([2, 2, 6, 8])
  expect(batchesAhead(0, small, 100)).toBe(2)
})
