import { expect, test } from 'vitest'
import type { Took } from './peer.ts'
import { byName, inTurn, ratiosOf, waitsOf } from './rounds.ts'

test('all have a turn in each round, and another one begins each time', async () => {
  const turns: string[] = []
  const rounds: ReadonlyMap<'a' | 'b' | 'c', Took>[] = []
  for (const round of [0, 1, 2])
    rounds.push(
      await inTurn(['a', 'b', 'c'], round, async (name) => {
        turns.push(`${round}${name}`)
        return { images: round, seconds: 1 }
      }),
    )
  expect(turns.join(' ')).toBe('0a 0b 0c 1b 1c 1a 2c 2a 2b')
  const took = byName(['a', 'b', 'c'], rounds).get('c')!
  expect(took.map(({ images }) => images)).toEqual([0, 1, 2])
})

test('a ratio is of two speeds of the same round, whatever the machine did in the others', () => {
  const ours = [10, 100].map((images) => ({ images, seconds: 2 }))
  const peer = [5, 50].map((images) => ({ images, seconds: 3 }))
  expect(ratiosOf(ours, peer)).toEqual([3, 3])
})

test('waiting is a share of its own round', () => {
  expect(
    waitsOf([
      { images: 1, seconds: 8, waitSeconds: 2 },
      { images: 1, seconds: 8 },
    ]),
  ).toEqual([25, 0])
})
