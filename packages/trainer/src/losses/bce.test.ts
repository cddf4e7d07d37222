import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { bce } from './bce.ts'
import fixture from './fixtures/bce.json' with { type: 'json' }

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const shape = fixture.shape as [number, number]

test.each(fixture.cases)('loss and gradient equal those of PyTorch with $spec', ({ spec, loss, gradient }) => {
  const labels = tf.tensor2d(fixture.labels, shape)
  const { value, grad } = tf.valueAndGrad((logits) => tf.mean(bce(tf, logits as tf.Tensor2D, labels, spec)))(
    tf.tensor2d(fixture.logits, shape),
  )
  expect(Math.abs(value.dataSync()[0]! / loss - 1)).toBeLessThan(1e-6)
  grad.dataSync().forEach((got, i) => expect(Math.abs(got - gradient[i]!)).toBeLessThan(1e-7))
})
