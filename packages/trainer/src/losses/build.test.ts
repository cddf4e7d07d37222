import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import type { LossTools } from '../models/bundle.ts'
import { buildLoss } from './build.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const logits = () => tf.tensor2d([[1, 3]])
const labels = () => tf.tensor2d([[1, 0]])

test('a bundle’s loss is made with its options and used in place of ours', () => {
  const bundle = {
    loss: ({ tf: t, classes, options }: LossTools) => {
      expect(classes).toBe(2)
      return (x: tf.Tensor2D, y: tf.Tensor2D) => t.mul<tf.Scalar>(t.mean(t.abs(t.sub(x, y))), options.factor as number)
    },
  }
  const loss = buildLoss({ name: 'bundle', options: { factor: 10 } }, { tf, classes: 2, bundle })
  expect(loss(logits(), labels()).dataSync()[0]).toBe(15)
})

test('what goes wrong in a bundle’s loss is named as the user’s', () => {
  const spec = { name: 'bundle', options: {} } as const
  const broken = {
    loss: () => () => {
      throw new Error('no such op')
    },
  }
  expect(() => buildLoss(spec, { tf, classes: 2, bundle: {} })).toThrow(
    expect.objectContaining({ code: 'user-code-failed' }) as Error,
  )
  expect(() => buildLoss(spec, { tf, classes: 2, bundle: broken })(logits(), labels())).toThrow(
    expect.objectContaining({ code: 'user-code-failed', message: 'the loss of the code bundle: no such op' }) as Error,
  )
})
