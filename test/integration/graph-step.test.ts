import { beforeAll, expect, test } from 'vitest'
import { fusedBatchNorm, groupedConv2d, installNativeGradients, readTensor, statelessUniform } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

type Tensor = ReturnType<Tf['tensor']>
type Tensor1D = ReturnType<Tf['tensor1d']>
type Tensor4D = ReturnType<Tf['tensor4d']>

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  expect(actual.shape).toEqual(expected.shape)
  const worst = tf.tidy(() => tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0])
  expect(worst).toBeLessThan(tolerance)
}

/** Values on both sides of every corner of relu and relu6, none on a corner. */
const sample = (): Tensor4D => tf.randomNormal([4, 8, 8, 3], 2, 4, 'float32', 11)

test.each(['relu', 'relu6'] as const)('the native gradient of %s equals that of tfjs bit for bit', (name) => {
  const gradient = () =>
    tf
      .grad((x) => tf.sum(tf.square(tf[name](x))))(sample())
      .dataSync()
  const expected = gradient()
  const undo = installNativeGradients(tf)
  const actual = gradient()
  undo()
  expect(actual).toEqual(expected)
  expect(gradient()).toEqual(expected)
})

test('fused batch normalisation and its gradients equal the formula composed of tfjs operations', () => {
  const weights = tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 12)
  const gamma = tf.tensor1d([0.5, 1, 2])
  const beta = tf.tensor1d([-1, 0, 1])
  const x = sample()
  const byFormula = (x: Tensor4D, gamma: Tensor1D, beta: Tensor1D) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2])
    return { y: tf.add(tf.mul(gamma, tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-3)))), beta), mean, variance }
  }
  const fused = fusedBatchNorm(tf, x, gamma, beta, 1e-3)
  const expected = byFormula(x, gamma, beta)
  expectClose(fused.y, expected.y, 1e-5)
  expectClose(fused.mean, expected.mean, 1e-5)
  expectClose(fused.variance, expected.variance, 1e-4)

  const gradients = (norm: typeof byFormula) =>
    tf.grads((x, gamma, beta) =>
      tf.sum(tf.mul(tf.square(norm(x as Tensor4D, gamma as Tensor1D, beta as Tensor1D).y), weights)),
    )([x, gamma, beta])
  const expectedGradients = gradients(byFormula)
  gradients((x, gamma, beta) => fusedBatchNorm(tf, x, gamma, beta, 1e-3)).forEach((gradient, i) =>
    expectClose(gradient, expectedGradients[i]!, 1e-3),
  )
})

test('stateless random numbers are a function of seed and salt alone, even and below 1', () => {
  const draw = (step: number, salt: number) =>
    statelessUniform(tf, [100, 100], tf.tensor1d([5, step], 'int32'), salt).dataSync()
  const reference = draw(3, 9)
  expect(draw(3, 9)).toEqual(reference)
  for (const other of [draw(4, 9), draw(3, 10)]) expect(other).not.toEqual(reference)
  const sorted = reference.toSorted()
  expect(sorted[0]).toBeGreaterThanOrEqual(0)
  expect(sorted.at(-1)).toBeLessThan(1)
  sorted.forEach((value, i) => expect(Math.abs(value - i / sorted.length)).toBeLessThan(0.03))
})

test('a step with native gradients and fused normalisation leaves no tensor behind', () => {
  const undo = installNativeGradients(tf)
  const gamma = tf.variable(tf.ones([3]))
  const beta = tf.variable(tf.zeros([3]))
  const step = () => {
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => {
        const { y } = fusedBatchNorm(tf, sample(), gamma as Tensor1D, beta as Tensor1D, 1e-3)
        return tf.sum(tf.relu(y)).asScalar()
      })
      gamma.assign(tf.sub(gamma, tf.mul(grads[gamma.name]!, 1e-3)))
      beta.assign(tf.sub(beta, tf.mul(grads[beta.name]!, 1e-3)))
    })
  }
  step()
  const before = tf.memory().numTensors
  for (let i = 0; i < 3; i++) step()
  expect(tf.memory().numTensors).toBe(before)
  expect(gamma.dataSync()).not.toEqual(Float32Array.of(1, 1, 1))
  tf.dispose([gamma, beta])
  undo()
})

test('changing an array that was read changes no tensor, whether TensorFlow has the values or not', () => {
  const given = tf.tensor1d(Float32Array.of(1, 2))
  readTensor(tf, given).fill(99)
  const computed = tf.add(given, 1)
  for (const tensor of [given, computed]) readTensor(tf, tensor).fill(99)
  expect([...given.dataSync(), ...computed.dataSync()]).toEqual([1, 2, 2, 3])
})

test.each<[batch: number, size: number, inputs: number, groups: number, outputs: number, stride: number]>([
  [2, 6, 64, 32, 64, 1],
  [3, 7, 64, 32, 64, 2],
  [5, 9, 8, 2, 12, 2],
])(
  'a grouped convolution of %i×%i² maps of %i channels in %i groups to %i, stride %i, and its gradients equal one a group',
  (batch, size, inputs, groups, outputs, stride) => {
    const x: Tensor4D = tf.randomNormal([batch, size, size, inputs], 0, 1, 'float32', 21)
    const filter: Tensor4D = tf.randomNormal([3, 3, inputs / groups, outputs], 0, 1, 'float32', 22)
    const grouped = groupedConv2d(tf, groups)
    const oneByOne: typeof grouped = (map, kernel, ...how) =>
      tf.concat(
        tf.split<Tensor4D>(map, groups, 3).map((part, g) => {
          const own = tf.split<Tensor4D>(kernel, groups, 3)[g]!
          return tf.conv2d(part, own, ...how)
        }),
        3,
      )
    const results = (convolve: typeof grouped) => {
      const y = convolve(x, filter, stride, 'valid')
      const weights = tf.randomNormal(y.shape, 0, 1, 'float32', 23)
      const loss = (map: Tensor, kernel: Tensor) =>
        tf.sum(tf.mul(convolve(map as Tensor4D, kernel as Tensor4D, stride, 'valid'), weights))
      return [y, ...tf.grads(loss)([x, filter])]
    }
    const expected = results(oneByOne)
    results(grouped).forEach((result, i) => expectClose(result, expected[i]!, 1e-4))
  },
)
