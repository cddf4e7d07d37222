import { expect, test } from 'vitest'
import { createMining } from './mining.ts'

const samples = Int32Array.of(2, 3, 5, 8, 9, 11, 14, 15, 17, 20)

test('the share with the highest loss of an epoch comes again in the next one, and in no other', () => {
  const mining = createMining({ share: 0.3 }, samples)
  expect([...mining.again()]).toEqual([])
  mining.record(Int32Array.of(3, 8, 20), Float32Array.of(0.5, 2, 0.5))
  mining.record(Int32Array.of(9, 14), Float32Array.of(0.5, 0.1))
  expect([...mining.again()]).toEqual([])
  mining.endEpoch()
  // Of equal losses the lower index; what was not seen has none.
  expect([...mining.again()]).toEqual([8, 3, 9])
  mining.record(Int32Array.of(17, 17), Float32Array.of(3, 0.2))
  mining.record(Int32Array.of(2), Float32Array.of(0.3))
  mining.endEpoch()
  expect([...mining.again()]).toEqual([2, 17])
})

test('a state taken up elsewhere goes on as the first does, and is a copy', () => {
  const first = createMining({ share: 0.2 }, samples)
  first.record(samples, Float32Array.from(samples, Math.sin))
  first.endEpoch()
  first.record(Int32Array.of(11, 2), Float32Array.of(1, 2))
  const saved = first.state()
  first.record(Int32Array.of(5), Float32Array.of(3))
  const second = createMining({ share: 0.2 }, samples)
  second.restore(saved)
  expect([...second.again()]).toEqual([...first.again()])
  second.record(Int32Array.of(5), Float32Array.of(3))
  expect(second.state()).toEqual(first.state())
})

test('a state of other samples, or a part of one, is refused', () => {
  const mining = createMining({ share: 0.2 }, samples)
  const corrupt = expect.objectContaining({ code: 'checkpoint-corrupt' }) as Error
  expect(() => mining.restore(createMining({ share: 0.2 }, samples.slice(1)).state())).toThrow(corrupt)
  expect(() => mining.restore(new Map())).toThrow(corrupt)
})
