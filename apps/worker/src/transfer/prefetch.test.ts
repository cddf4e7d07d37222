import { expect, test } from 'vitest'
import { mapBounded, prefetch } from './prefetch.ts'

test('results come in the order of the items, whatever finishes first', async () => {
  const finish: (() => void)[] = []
  const work = (item: number) => new Promise<number>((resolve) => finish.push(() => resolve(item)))
  const all = mapBounded([1, 2, 3], 3, work)
  for (const done of finish.toReversed()) done()
  expect(await all).toEqual([1, 2, 3])
})

test('no more is begun than is allowed beside what was not taken yet', async () => {
  let begun = 0
  const results = prefetch([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun++
    return item
  })
  await results.next()
  expect(begun).toBe(2)
  await results.next()
  expect(begun).toBe(3)
  await results.return(undefined)
})

test('the first error ends it, and nothing is begun any more', async () => {
  const begun: number[] = []
  const work = async (item: number) => {
    begun.push(item)
    if (item === 2) throw new Error('two')
    return item
  }
  await expect(mapBounded([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('two')
  expect(begun).toEqual([1, 2, 3])
})
