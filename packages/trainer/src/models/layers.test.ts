import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { createLayers } from './layers.ts'
import type { Layers } from './layers.ts'
import type { ModelVariable, Pass } from './model.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

function someLayers(seed = 1): { layers: Layers; made: ModelVariable[] } {
  const made: ModelVariable[] = []
  return { layers: createLayers({ tf, seed, group: 'stem', prefix: '', made }), made }
}

const training = (step = 0): Pass => ({ training: true, seed: tf.tensor1d([7, step], 'int32') })
const inference: Pass = { training: false }
const valuesOf = (made: ModelVariable[]) => new Map(made.map(({ name, variable }) => [name, [...variable.dataSync()]]))

test('what a variable begins with depends on the seed and its name, not on what was made before it', () => {
  const alone = someLayers()
  alone.layers.in('a').conv2d('conv', { inputs: 2, filters: 4, size: 3 })
  const beside = someLayers()
  beside.layers.conv2d('other', { inputs: 2, filters: 4, size: 3 })
  beside.layers.conv2d('a/conv', { inputs: 2, filters: 4, size: 3 })
  const elsewhere = someLayers(2)
  elsewhere.layers.conv2d('a/conv', { inputs: 2, filters: 4, size: 3 })

  const name = 'a/conv/kernel'
  const values = valuesOf(alone.made).get(name)
  expect(valuesOf(beside.made).get(name)).toEqual(values)
  expect(valuesOf(beside.made).get('other/kernel')).not.toEqual(values)
  expect(valuesOf(elsewhere.made).get(name)).not.toEqual(values)
})

test('convolution weights begin normal with variance 2 / fan-in', () => {
  const { layers, made } = someLayers()
  layers.conv2d('conv', { inputs: 16, filters: 64, size: 3 })
  const { mean, variance } = tf.moments(made[0]!.variable)
  expect(Math.abs(mean.dataSync()[0]!)).toBeLessThan(0.005)
  expect(variance.dataSync()[0]! / (2 / (9 * 16))).toBeCloseTo(1, 1)
})

test('a convolution of stride s keeps 1 / s of the map', () => {
  const { layers } = someLayers()
  const conv = layers.conv2d('conv', { inputs: 3, filters: 5, size: 3, stride: 2 })
  expect(conv(tf.zeros([2, 9, 9, 3]), inference).shape).toEqual([2, 5, 5, 5])
})

test('in training, normalisation uses the batch and moves its statistics a tenth of the way', () => {
  const { layers, made } = someLayers()
  const norm = layers.batchNorm('bn', 1)
  const x = tf.tensor4d([1, 2, 3, 6], [4, 1, 1, 1])
  const y = norm(x, training()).dataSync()
  expect(y[0]).toBeCloseTo((1 - 3) / Math.sqrt(3.5), 4)
  expect(made.map(({ name, role }) => [name, role])).toEqual([
    ['bn/gamma', 'norm'],
    ['bn/beta', 'norm'],
    ['bn/mean', 'statistic'],
    ['bn/variance', 'statistic'],
  ])
  expect(valuesOf(made).get('bn/mean')![0]).toBeCloseTo(0.3, 6)
  expect(valuesOf(made).get('bn/variance')![0]).toBeCloseTo(0.9 * 1 + 0.1 * 3.5, 6)
})

test('in inference, normalisation uses the gathered statistics and moves nothing', () => {
  const { layers, made } = someLayers()
  const norm = layers.batchNorm('bn', 1)
  const before = valuesOf(made)
  const y = norm(tf.tensor4d([1, 2, 3, 6], [4, 1, 1, 1]), inference).dataSync()
  y.forEach((value, i) => expect(value).toBeCloseTo([1, 2, 3, 6][i]!, 4))
  expect(valuesOf(made)).toEqual(before)
})

test('dropout is a function of the seed and the layer’s name, keeps the expectation, and rests in inference', () => {
  const { layers } = someLayers()
  const drop = layers.dropout('drop', 0.25)
  const x = tf.ones([100, 100])
  const first = Array.from(drop(x, training(3)).dataSync())
  expect([...drop(x, training(3)).dataSync()]).toEqual(first)
  expect([...drop(x, training(4)).dataSync()]).not.toEqual(first)
  expect([...layers.dropout('other', 0.25)(x, training(3)).dataSync()]).not.toEqual(first)
  expect(new Set(first)).toEqual(new Set([0, Math.fround(1 / 0.75)]))
  expect(first.reduce((sum, value) => sum + value) / first.length).toBeCloseTo(1, 1)
  expect(drop(x, inference)).toBe(x)
})

test('a name is taken once, and is words between slashes', () => {
  const { layers } = someLayers()
  layers.variable('w', [1], 'kernel', 0)
  expect(() => layers.variable('w', [1], 'kernel', 0)).toThrow('two variables are named w')
  for (const name of ['', 'a,b', '/a', 'a//b', 'a b'])
    expect(() => layers.variable(name, [1], 'kernel', 0)).toThrow(/cannot be named/)
})
