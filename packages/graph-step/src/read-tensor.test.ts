import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { readTensor } from './read-tensor.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

test('changing the array that was read changes no tensor', () => {
  const given = tf.tensor1d(Float32Array.of(1, 2))
  const computed = tf.add(given, 1)
  for (const tensor of [given, computed]) readTensor(tf, tensor).fill(99)
  expect([...given.dataSync(), ...computed.dataSync()]).toEqual([1, 2, 2, 3])
})
