import { expect, test } from 'vitest'
import type { Emoji } from './catalog.ts'
import { choosePictures } from './choose.ts'
import type { ChooseOptions } from './choose.ts'

const drawing = { body: '', width: 1, height: 1 }

/** `count` emoji: each third has one style, the others two; tags get rarer with their number. */
function someEmoji(count: number): Emoji[] {
  return Array.from({ length: count }, (_, i) => ({
    code: String(i).padStart(4, '0'),
    categories: [i % 2 ? 'odd' : 'even'],
    tags: [2, 3, 5, 7, 11, 13, 17, 97].filter((n) => i % n === 0).map((n) => `by-${n}`),
    drawings: [{ style: 'a', ...drawing }, ...(i % 3 === 0 ? [] : [{ style: 'b', ...drawing }])],
  }))
}

const options: ChooseOptions = { seed: 1, limit: null, testShare: 0.2, noise: 0, minUses: 3 }

test('the same seed chooses the same set, another seed another', () => {
  const ids = (seed: number) =>
    choosePictures(someEmoji(200), { ...options, seed, limit: 100, noise: 0.2 }).map(({ id, split, annotated }) =>
      JSON.stringify({ id, split, annotated }),
    )
  expect(ids(1)).toEqual(ids(1))
  expect(ids(2)).not.toEqual(ids(1))
})

test('the limit counts pictures and takes emoji whole', () => {
  const pictures = choosePictures(someEmoji(200), { ...options, limit: 51 })
  expect(pictures.length).toBeGreaterThanOrEqual(50)
  expect(pictures.length).toBeLessThanOrEqual(51)
  for (const { emoji } of pictures)
    expect(pictures.filter((other) => other.emoji === emoji)).toHaveLength(emoji.drawings.length)
})

test('all styles of an emoji are in one split, and the test set has its share of emoji and no annotation', () => {
  const pictures = choosePictures(someEmoji(200), options)
  const splits = new Map<Emoji, Set<string>>()
  for (const { emoji, split } of pictures) splits.set(emoji, (splits.get(emoji) ?? new Set()).add(split))
  expect([...splits.values()].every((found) => found.size === 1)).toBe(true)
  expect([...splits.values()].filter((found) => found.has('test'))).toHaveLength(40)
  for (const { split, annotated, truth } of pictures) {
    if (split === 'test') expect(annotated).toEqual({ category: [], tag: [] })
    else expect(annotated).toEqual(truth)
  }
})

test('a label that too few train emoji carry is in no picture, test pictures included', () => {
  const pictures = choosePictures(someEmoji(200), { ...options, minUses: 8 })
  const carriers = (tag: string) =>
    new Set(pictures.filter(({ annotated }) => annotated.tag.includes(tag)).map(({ emoji }) => emoji)).size
  const kept = new Set(pictures.flatMap(({ annotated }) => annotated.tag))
  expect(kept.has('by-2')).toBe(true)
  expect(kept.has('by-97')).toBe(false)
  for (const tag of kept) expect(carriers(tag)).toBeGreaterThanOrEqual(8)
  for (const { truth } of pictures) for (const tag of truth.tag) expect(kept.has(tag)).toBe(true)
})

test('noise takes about its share of the tags, leaves categories and the truth alone', () => {
  const pictures = choosePictures(someEmoji(600), { ...options, noise: 0.3, minUses: 1 })
  const train = pictures.filter(({ split }) => split === 'train')
  const count = (of: 'truth' | 'annotated') => train.reduce((sum, picture) => sum + picture[of].tag.length, 0)
  const missed = 1 - count('annotated') / count('truth')
  expect(missed).toBeGreaterThan(0.25)
  expect(missed).toBeLessThan(0.35)
  for (const { annotated, truth } of train) expect(annotated.category).toEqual(truth.category)
})
