import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { LossSpec } from '@baton/contracts'
import type { LossTools } from '../models/bundle.ts'
import { buildLoss } from './build.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const labelColumns = [
  { name: 'culture', start: 0, end: 1 },
  { name: 'tag', start: 1, end: 2 },
]
const logits = () => tf.tensor2d([[1, 3]])
const labels = () => tf.tensor2d([[1, 0]])

test('a bundle’s loss is made with its options and used in place of ours', () => {
  const bundle = {
    loss: ({ tf: t, classes, options }: LossTools) => {
      expect(classes).toBe(2)
      return (x: tf.Tensor2D, y: tf.Tensor2D) => t.mul<tf.Scalar>(t.mean(t.abs(t.sub(x, y))), options.factor as number)
    },
  }
  const { lossOf } = buildLoss({ name: 'bundle', options: { factor: 10 } }, { tf, labelColumns, bundle })
  expect(lossOf(logits(), labels()).dataSync()[0]).toBe(15)
})

test('what goes wrong in a bundle’s loss is named as the user’s', () => {
  const spec = { name: 'bundle', options: {} } as const
  const broken = {
    loss: () => () => {
      throw new Error('no such op')
    },
  }
  expect(() => buildLoss(spec, { tf, labelColumns, bundle: {} })).toThrow(
    expect.objectContaining({ code: 'user-code-failed' }) as Error,
  )
  expect(() => buildLoss(spec, { tf, labelColumns, bundle: broken }).lossOf(logits(), labels())).toThrow(
    expect.objectContaining({ code: 'user-code-failed', message: 'the loss of the code bundle: no such op' }) as Error,
  )
})

const plain = (positiveWeight: unknown) => LossSpec.parse({ name: 'bce', positiveWeight })
const valueOf = (positiveWeight: unknown) => {
  const { lossOf, dispose } = buildLoss(plain(positiveWeight), { tf, labelColumns })
  const value = lossOf(tf.tensor2d([[0, 0]]), tf.tensor2d([[1, 1]])).dataSync()[0]!
  dispose()
  return value / Math.log(2)
}

test('positive terms weigh by label and by label group', () => {
  expect(valueOf(3)).toBeCloseTo(3, 6)
  expect(valueOf([3, 7])).toBeCloseTo(5, 6)
  expect(valueOf({ tag: 9 })).toBeCloseTo(5, 6)
})

test.each([
  [[1, 2, 3], 'positiveWeight lists 3 weights; the dataset has 2 labels'],
  [{ colour: 2 }, 'positiveWeight names the label group colour; the dataset has culture, tag'],
])('positive weights %j that do not fit the labels are refused', (positiveWeight, message) => {
  expect(() => buildLoss(plain(positiveWeight), { tf, labelColumns })).toThrow(
    expect.objectContaining({ code: 'spec-invalid', message }) as Error,
  )
})

test('softmax makes probabilities that sum to 1, the others one for each label alone', () => {
  const activate = (name: string) =>
    buildLoss(LossSpec.parse({ name }), { tf, labelColumns }).activate(tf.tensor2d([[1, 1]]))
  expect([...activate('softmax').dataSync()]).toEqual([0.5, 0.5])
  expect(activate('bce').dataSync()[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6)
})
