import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { clipByNorm, globalNorm } from './clip.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const gradients = () => [tf.tensor1d([3, 0]), tf.tensor2d([[0, -4]])]

test('the norm is that of all gradients as one vector', () => {
  expect(globalNorm(tf, gradients()).dataSync()[0]).toBe(5)
})

test('longer gradients are brought to the limit together, shorter ones stay as they are', () => {
  const clip = (limit: number) =>
    clipByNorm(tf, gradients(), globalNorm(tf, gradients()), limit).flatMap((gradient) => [...gradient.dataSync()])
  clip(1).forEach((value, i) => expect(value).toBeCloseTo([0.6, 0, 0, -0.8][i]!, 6))
  expect(clip(10)).toEqual([3, 0, 0, -4])
})
