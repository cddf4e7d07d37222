import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { groupedConv2d } from './grouped-conv.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

test('an output of a grouped convolution sees the inputs of its own group alone', () => {
  const x = tf.tensor4d([1, 10, 100, 1000], [1, 1, 1, 4])
  const filter = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4])
  // Outputs 0 and 1 see inputs 0 and 1; outputs 2 and 3 see inputs 2 and 3.
  expect([...groupedConv2d(tf, 2)(x, filter, 1, 'same').dataSync()]).toEqual([51, 62, 7300, 8400])
})
