import { expect, test } from 'vitest'
import { createBlocks } from './blocks.ts'

const KiB = 2 ** 10

test('memory that was given back is used again by who needs as much', async () => {
  const blocks = createBlocks(1024 * KiB)
  const first = await blocks.take(200 * KiB)
  expect(first.length).toBe(256 * KiB)
  blocks.give(first)
  expect(await blocks.take(129 * KiB)).toBe(first)
  expect((await blocks.take(1)).length).toBe(128 * KiB)
})

test('who comes when all is taken waits until enough is given back, whatever its size', async () => {
  const blocks = createBlocks(1024 * KiB)
  const halves = [await blocks.take(512 * KiB), await blocks.take(512 * KiB)]
  let taken: Buffer | null = null
  const waiting = blocks.take(1024 * KiB).then((block) => (taken = block))
  blocks.give(halves[0]!)
  await new Promise(setImmediate)
  expect(taken).toBe(null)
  blocks.give(halves[1]!)
  expect((await waiting).length).toBe(1024 * KiB)
})
