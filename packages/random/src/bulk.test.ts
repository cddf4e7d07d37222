import { expect, test } from 'vitest'
import { bulkWords, xoshiro128 } from './bulk.ts'
import reference from './fixtures/reference.json' with { type: 'json' }
import { streamKey } from './stream.ts'

const take = (words: () => number, n: number) => Array.from({ length: n }, () => words())

test('words are those of xoshiro128**', () => {
  const { state, words } = reference.xoshiro128
  expect(take(xoshiro128(Uint32Array.from(state)), words.length)).toEqual(words)
})

test('a sequence is a function of key and counter, and others are others', () => {
  const key = streamKey('bulk')
  const first = take(bulkWords(key, 7), 5)
  expect(take(bulkWords(key, 7), 5)).toEqual(first)
  for (const other of [bulkWords(key, 8), bulkWords(key, 7 + 2 ** 32), bulkWords(streamKey('other'), 7)])
    expect(take(other, 5)).not.toEqual(first)
})
