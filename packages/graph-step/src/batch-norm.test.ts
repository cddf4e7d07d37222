import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { fusedBatchNorm, inferenceBatchNorm } from './batch-norm.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const x = () => tf.tensor4d([1, 10, 2, 20, 3, 30, 6, 60], [2, 2, 1, 2])
const gamma = () => tf.tensor1d([2, 1])
const beta = () => tf.tensor1d([0.5, -1])

test('a batch is normalised by its own mean and biased variance, channel by channel', () => {
  const { y, mean, variance } = fusedBatchNorm(tf, x(), gamma(), beta(), 0.5)
  expect([...mean.dataSync()]).toEqual([3, 30])
  expect([...variance.dataSync()]).toEqual([3.5, 350])
  const first = [1, 2, 3, 6].map((value) => (2 * (value - 3)) / Math.sqrt(3.5 + 0.5) + 0.5)
  const second = [10, 20, 30, 60].map((value) => (value - 30) / Math.sqrt(350 + 0.5) - 1)
  const expected = first.flatMap((value, i) => [value, second[i]!])
  y.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5))
})

test('in inference a batch is normalised by the statistics given, so one sample does not depend on another', () => {
  const by = { gamma: gamma(), beta: beta(), mean: tf.tensor1d([1, 2]), variance: tf.tensor1d([4, 9]) }
  const whole = inferenceBatchNorm(tf, x(), by, 0).dataSync()
  const alone = inferenceBatchNorm(tf, tf.slice(x(), [1], [1]), by, 0).dataSync()
  expect([...whole.subarray(4)]).toEqual([...alone])
  expect(whole[0]).toBeCloseTo((2 * (1 - 1)) / 2 + 0.5, 6)
  expect(whole[1]).toBeCloseTo((10 - 2) / 3 - 1, 6)
})
