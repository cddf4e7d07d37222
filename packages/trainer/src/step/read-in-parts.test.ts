import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { readInParts } from './read-in-parts.ts'

beforeAll(() => tf.setBackend('cpu'))

test.each([
  [5, 2],
  [6, 1],
  [12, 0],
  [100, 0],
])('in parts of %i, twelve values are read whole, with %i turns for others between', (partLength, turns) => {
  const values = Float32Array.from({ length: 12 }, (_, i) => i / 7)
  const tensor = tf.tensor(values, [3, 4])
  const before = tf.memory().numTensors
  const reading = readInParts(tf, tensor, partLength)
  let seen = 0
  for (;;) {
    const { value, done } = reading.next()
    if (done) {
      expect(value).toEqual(values)
      value.fill(9)
      break
    }
    seen++
  }
  expect(seen).toBe(turns)
  expect(tensor.dataSync()).toEqual(values)
  expect(tf.memory().numTensors).toBe(before)
  tensor.dispose()
})
