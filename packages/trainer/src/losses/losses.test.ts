import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { LossSpec } from '@baton/contracts'
import fixture from './fixtures/losses.json' with { type: 'json' }
import { buildLoss } from './build.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const shape = fixture.shape as [number, number]
const labelColumns = [
  { name: 'first', start: 0, end: 2 },
  { name: 'second', start: 2, end: 4 },
]

test.each(fixture.cases)(
  'losses and gradient equal those of PyTorch with $spec',
  ({ spec, losses: expected, gradient }) => {
    const { lossOf, dispose } = buildLoss(LossSpec.parse(spec), { tf, labelColumns })
    const labels = tf.tensor2d(spec.name === 'softmax' ? fixture.single : fixture.labels, shape)
    const logits = tf.tensor2d(fixture.logits, shape)
    const losses = lossOf(logits, labels)
    expect(losses.shape).toEqual([shape[0]])
    const near = (got: number, want: number, tolerance: number) =>
      expect(Math.abs(got - want)).toBeLessThan(tolerance * Math.max(1, Math.abs(want)))
    losses.dataSync().forEach((got, i) => near(got, expected[i]!, 2e-6))
    const slope = tf.grad((x) => tf.mean(lossOf(x as tf.Tensor2D, labels)))(logits)
    slope.dataSync().forEach((got, i) => near(got, gradient[i]!, 5e-7))
    dispose()
  },
)

const extremes = () => tf.tensor2d([[-1e4, -100, -20, 20, 100, 1e4]])
test.each<Record<string, unknown>>([
  { name: 'bce' },
  { name: 'focal', gamma: 0.25 },
  { name: 'focal', gamma: 0.25, detach: true },
  { name: 'soft-fbeta' },
  { name: 'forgiving', forgivingWeight: 3 },
  { name: 'asymmetric', gammaPositive: 0.5, gammaNegative: 0.5 },
  { name: 'softmax' },
])('no logit is so large that loss or gradient of %s are not finite', (spec) => {
  const { lossOf } = buildLoss(LossSpec.parse(spec), { tf, labelColumns: [{ name: 'all', start: 0, end: 6 }] })
  for (const labels of [tf.zeros([1, 6]), tf.ones([1, 6]), tf.tensor2d([[1, 0, 1, 0, 1, 0]])] as tf.Tensor2D[]) {
    const { value, grad } = tf.valueAndGrad((x) => tf.mean(lossOf(x as tf.Tensor2D, labels)))(extremes())
    expect([...value.dataSync(), ...grad.dataSync()].every(Number.isFinite)).toBe(true)
  }
})
