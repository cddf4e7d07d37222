import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import votes from './fixtures/votes.json' with { type: 'json' }
import { createNeighbourIndex } from './neighbour-index.ts'
import type { Nearest } from './neighbour-index.ts'
import { voteOf } from './vote.ts'

beforeAll(() => tf.setBackend('cpu'))

const { width, labels, temperature, labelsOf, places, distance: expected, cases } = votes
const labelsAt = (place: number) => labelsOf[place]!

/** The k nearest of the asked ones among the training samples, added in portions. */
async function nearest(k: number, { blockRows = 1000, portion = 7, onBlock = () => Promise.resolve() } = {}) {
  const index = createNeighbourIndex(tf, width, blockRows)
  for (let from = 0; from < votes.train.length; from += portion * width)
    index.add(Float32Array.from(votes.train.slice(from, from + portion * width)))
  try {
    return await index.nearest(Float32Array.from(votes.asked), k, onBlock)
  } finally {
    index.dispose()
  }
}

test.each(cases)(
  '$neighbours neighbours, $vote: the vote is scikit-learn’s',
  async ({ vote, neighbours, votes: of }) => {
    const how = { vote: vote as 'uniform', temperature: vote === 'similarity' ? temperature : null }
    const made = voteOf(await nearest(neighbours), how, labelsAt, labels)
    expect(made).toHaveLength(of.length)
    made.forEach((value, i) => expect(value).toBeCloseTo(of[i]!, 4))
  },
)

test('places and distances of the nearest are scikit-learn’s, nearest first', async () => {
  const found = await nearest(3)
  expect([...found.place]).toEqual(places)
  found.distance.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6))
})

test.each([1, 2, 13, 40])('blocks of %i rows find what one block does', async (blockRows) => {
  const whole = await nearest(5)
  const inBlocks = await nearest(5, { blockRows })
  expect(inBlocks.place).toEqual(whole.place)
  inBlocks.distance.forEach((value, i) => expect(value).toBeCloseTo(whole.distance[i]!, 6))
})

test('all vote where there are fewer than are asked for', async () => {
  const { place, found } = await nearest(1000, { blockRows: 13 })
  expect(found).toBe(40)
  expect([...place.subarray(0, 40)].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
})

test('of equally near ones the first added counts, in one block or in several', async () => {
  for (const blockRows of [10, 2]) {
    const index = createNeighbourIndex(tf, 2, blockRows)
    index.add(Float32Array.of(0, 1, 1, 0, 2, 0, 3, 0, 1, 1))
    const { place } = await index.nearest(Float32Array.of(1, 0), 3, () => Promise.resolve())
    index.dispose()
    expect([...place]).toEqual([1, 2, 3])
  }
})

test('an embedding of zeros is as far from all', async () => {
  const index = createNeighbourIndex(tf, 2)
  index.add(Float32Array.of(0, 1, 1, 0))
  const { distance } = await index.nearest(Float32Array.of(0, 0), 2, () => Promise.resolve())
  index.dispose()
  expect([...distance]).toEqual([1, 1])
})

test('a search is left between blocks, and nothing of it stays in memory', async () => {
  const before = tf.memory().numTensors
  let blocks = 0
  const onBlock = () => (++blocks === 3 ? Promise.reject(new Error('enough')) : Promise.resolve())
  await expect(nearest(5, { blockRows: 8, onBlock })).rejects.toThrow('enough')
  expect(tf.memory().numTensors).toBe(before)
})

describe('a vote', () => {
  const said = (distance: number[], vote: 'similarity' | 'distance', temperature: number | null = null) => {
    const found: Nearest = { place: Int32Array.from(distance.keys()), distance: Float32Array.from(distance), found: 2 }
    return [...voteOf(found, { vote, temperature }, (place) => [place], 2)]
  }

  test('counts the nearest the more the lower the temperature is', () => {
    const [warm] = said([0.1, 0.2], 'similarity', 1)
    const [usual] = said([0.1, 0.2], 'similarity')
    const [cold] = said([0.1, 0.2], 'similarity', 1e-4)
    expect(warm).toBeCloseTo(1 / (1 + Math.exp(-0.1)), 6)
    expect(usual).toBeCloseTo(1 / (1 + Math.exp(-0.1 / 0.07)), 6)
    expect(cold).toBe(1)
  })

  test('by distance is of those alone that are at none', () => {
    expect(said([3e-8, 0.2], 'distance')).toEqual([1, 0])
    expect(said([0, 6e-8], 'distance')).toEqual([0.5, 0.5])
  })
})
