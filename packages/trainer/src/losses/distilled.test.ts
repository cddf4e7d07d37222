import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { bce } from './bce.ts'
import { distilled } from './distilled.ts'
import fixture from './fixtures/distilled.json' with { type: 'json' }

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const shape = fixture.shape as [number, number]
const plain = { labelSmoothing: 0, positiveWeight: 1 }

test.each(fixture.cases)(
  'loss and gradient equal those of PyTorch with $spec',
  ({ spec, softened, loss, gradient }) => {
    const labels = tf.tensor2d(fixture.labels, shape)
    const teacher = tf.tensor2d(softened, shape)
    for (const reduce of [(own: tf.Tensor1D) => own, (own: tf.Tensor1D) => tf.mean<tf.Scalar>(own)]) {
      const { value, grad } = tf.valueAndGrad((x) => {
        const logits = x as tf.Tensor2D
        const own = reduce(bce(tf, logits, labels, plain))
        return tf.mean(distilled(tf, { own, logits, softened: teacher }, spec))
      })(tf.tensor2d(fixture.logits, shape))
      expect(Math.abs(value.dataSync()[0]! / loss - 1)).toBeLessThan(1e-6)
      grad.dataSync().forEach((got, i) => expect(Math.abs(got - gradient[i]!)).toBeLessThan(1e-6))
    }
  },
)
