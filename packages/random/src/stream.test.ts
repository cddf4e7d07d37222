import { expect, test } from 'vitest'
import { integer, normal, permutation, streamKey, uniform } from './stream.ts'

const key = streamKey(42, 'test')
const many = 100_000

/** Pearson's χ² of counts against equal expectation. */
function chiSquared(counts: number[]): number {
  const expected = counts.reduce((a, b) => a + b) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

test('a stream is named by the types and boundaries of its parts', () => {
  const keys = [streamKey(1), streamKey('1'), streamKey('a', 'b'), streamKey('ab'), streamKey(1, 0), streamKey(0, 1)]
  expect(new Set(keys.map((k) => k.join())).size).toBe(keys.length)
  expect(streamKey(7, 'order', 3)).toEqual(streamKey(7, 'order', 3))
  expect(() => streamKey(NaN)).toThrow(RangeError)
})

test('a draw depends on its key and counter only, not on what was drawn before', () => {
  const first = uniform(key, 5)
  uniform(streamKey('other'), 1)
  normal(key, 6)
  expect(uniform(key, 5)).toBe(first)
  expect(uniform(key, 5 + 2 ** 32)).not.toBe(first)
  expect(uniform([key[0], key[1], key[2], key[3] ^ 1], 5)).not.toBe(first)
})

test('uniform numbers lie in [0, 1) and fill it evenly', () => {
  const counts = new Array<number>(20).fill(0)
  for (let i = 0; i < many; i++) {
    const u = uniform(key, i)
    expect(u >= 0 && u < 1).toBe(true)
    counts[Math.floor(u * 20)]!++
  }
  expect(chiSquared(counts)).toBeLessThan(43.8) // 0.1 % quantile for 19 degrees of freedom
})

test('normal numbers have the moments and tails of the normal distribution', () => {
  const x = Float64Array.from({ length: many }, (_, i) => normal(key, i))
  const mean = (f: (v: number) => number) => x.reduce((sum, v) => sum + f(v), 0) / many
  expect(Math.abs(mean((v) => v))).toBeLessThan(4 / Math.sqrt(many))
  expect(Math.abs(mean((v) => v * v) - 1)).toBeLessThan(4 * Math.sqrt(2 / many))
  expect(Math.abs(mean((v) => v ** 4) - 3)).toBeLessThan(4 * Math.sqrt(96 / many))
  expect(Math.abs(mean((v) => Number(v > 2)) - 0.02275)).toBeLessThan(4 * Math.sqrt(0.02275 / many))
})

test('integers meet every value below their bound equally often', () => {
  const counts = new Array<number>(7).fill(0)
  for (let i = 0; i < many; i++) counts[integer(key, i, 7)]!++
  expect(chiSquared(counts)).toBeLessThan(22.5) // 0.1 % quantile for 6 degrees of freedom
  expect(integer(key, 0, 1)).toBe(0)
  for (const bad of [0, 1.5, 2 ** 32 + 1]) expect(() => integer(key, 0, bad)).toThrow(RangeError)
})

test('a permutation holds each number once, and all orders are equally likely', () => {
  expect([...permutation(key, 1000)].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  const counts = new Map<string, number>()
  for (let i = 0; i < 24_000; i++) {
    const order = permutation(streamKey('orders', i), 4).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  expect(counts.size).toBe(24)
  expect(chiSquared([...counts.values()])).toBeLessThan(49.7) // 0.1 % quantile for 23 degrees of freedom
  expect(permutation(key, 0)).toHaveLength(0)
})

test('a counter that is not a safe non-negative integer is refused', () => {
  for (const bad of [-1, 0.5, 2 ** 53]) expect(() => uniform(key, bad)).toThrow(RangeError)
})
