import { expect, test } from 'vitest'
import { bytesOf, createBuilder, isSplat } from './builder.ts'

test('equal constants are one node; another type or shape is another', () => {
  const graph = createBuilder()
  const one = graph.constant('float32', [], bytesOf(Float32Array.of(1)))
  expect(graph.constant('float32', [], bytesOf(Float32Array.of(1)))).toBe(one)
  expect(graph.constant('float32', [1], bytesOf(Float32Array.of(1)))).not.toBe(one)
  expect(graph.constant('int32', [], bytesOf(Float32Array.of(1)))).not.toBe(one)
})

test('a large constant of equal values takes no more bytes than a small one', () => {
  const [equal, mixed] = [createBuilder(), createBuilder()]
  equal.constant('float32', [100, 100], bytesOf(new Float32Array(10_000).fill(0.5)))
  mixed.constant('float32', [100, 100], bytesOf(Float32Array.from({ length: 10_000 }, (_, i) => i)))
  expect(equal.toBytes().length).toBeLessThan(400)
  expect(mixed.toBytes().length).toBeGreaterThan(40_000)
})

test('values are equal when their bits are', () => {
  expect(isSplat('float32', bytesOf(Float32Array.of(2, 2)))).toBe(true)
  expect(isSplat('float32', bytesOf(Float32Array.of(0, -0)))).toBe(false)
  expect(isSplat('bool', Uint8Array.of(1, 1, 0))).toBe(false)
})
