import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { ModelSpec } from '@baton/contracts'
import { buildModel } from './build.ts'
import type { BundleModule } from './bundle.ts'
import { runGroups } from './groups.ts'
import type { Model } from './model.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const build = (spec: Record<string, unknown>, { imageSize = 16, classes = 5, bundle }: Partial<Options> = {}): Model =>
  buildModel(ModelSpec.parse(spec), { tf, classes, imageSize, seed: 3, ...(bundle && { bundle }) })
type Options = { imageSize: number; classes: number; bundle: BundleModule }

const trainedSize = ({ variables }: Model) =>
  variables.filter(({ role }) => role !== 'statistic').reduce((sum, { variable }) => sum + variable.size, 0)

function logitsOf(model: Model, images: tf.Tensor4D): tf.Tensor2D {
  return runGroups(model.groups, images, () => ({ training: false })) as tf.Tensor2D
}

/** What the head sees. */
const featuresOf = ({ groups }: Model, images: tf.Tensor4D) =>
  runGroups(groups.slice(0, -1), images, () => ({ training: false }))

test('a convnet has the named variables, groups and roles, and gives one logit a label', () => {
  const model = build({ name: 'convnet', width: 4, blocks: 2 })
  const table = model.variables.map(({ name, group, role, variable }) => [name, group, role, variable.shape.join('×')])
  expect(table).toEqual([
    ['block0/conv/kernel', 'block0', 'kernel', '3×3×3×4'],
    ['block0/bn/gamma', 'block0', 'norm', '4'],
    ['block0/bn/beta', 'block0', 'norm', '4'],
    ['block0/bn/mean', 'block0', 'statistic', '4'],
    ['block0/bn/variance', 'block0', 'statistic', '4'],
    ['block1/conv/kernel', 'block1', 'kernel', '3×3×4×8'],
    ['block1/bn/gamma', 'block1', 'norm', '8'],
    ['block1/bn/beta', 'block1', 'norm', '8'],
    ['block1/bn/mean', 'block1', 'statistic', '8'],
    ['block1/bn/variance', 'block1', 'statistic', '8'],
    ['head/dense/kernel', 'head', 'kernel', '8×5'],
    ['head/dense/bias', 'head', 'bias', '5'],
  ])
  expect(featuresOf(model, tf.zeros([2, 16, 16, 3])).shape).toEqual([2, 4, 4, 8])
  expect(logitsOf(model, tf.zeros([2, 16, 16, 3])).shape).toEqual([2, 5])
})

test.each([
  [{ name: 'resnet', width: 64, layers: [2, 2, 2, 2], stem: 'imagenet' }, 11_689_512],
  [{ name: 'resnet18' }, 11_689_512],
  [{ name: 'resnet34' }, 21_797_672],
  [{ name: 'resnet50' }, 25_557_032],
  [{ name: 'seresnext50_32x4d' }, 27_559_896],
  [{ name: 'seresnext101_32x4d' }, 48_955_416],
  [{ name: 'densenet161' }, 28_681_000],
  [{ name: 'mobilenetv2' }, 3_504_872],
  [{ name: 'mobilenetv2', width: 0.5 }, 1_968_680],
])('%o has as many weights as timm’s', (spec, count) => {
  const model = buildModel(ModelSpec.parse(spec), { tf, classes: 1000, imageSize: 224, seed: 3, blank: true })
  expect(trainedSize(model)).toBe(count)
  model.dispose()
})

const NAMED = [
  'resnet18',
  'resnet34',
  'resnet50',
  'seresnext50_32x4d',
  'seresnext101_32x4d',
  'densenet161',
  'mobilenetv2',
]

test.each(NAMED)(
  'a narrow %s has the layer groups of all networks, in order of depth, and takes small pictures',
  (name) => {
    const model = build({ name, width: 0.125 })
    expect(model.groups.map((group) => group.name)).toEqual(['stem', 'layer1', 'layer2', 'layer3', 'layer4', 'head'])
    expect([...new Set(model.variables.map(({ group }) => group))]).toEqual(model.groups.map((group) => group.name))
    expect(model.variables.filter(({ variable }) => variable.size === 0)).toEqual([])
    // The smallest that the schema lets DenseNet have.
    const images = tf.randomNormal<tf.Rank.R4>([1, 29, 29, 3], 0, 1, 'float32', 1)
    expect(logitsOf(model, images).shape).toEqual([1, 5])
    model.dispose()
  },
)

test.each([
  [32, 8],
  [64, 4],
])('a resnet of %i-pixel images halves maps as its stem and groups say', (imageSize, side) => {
  const model = build({ name: 'resnet', width: 2, layers: [1, 2, 1] }, { imageSize })
  const images = tf.randomNormal<tf.Rank.R4>([1, imageSize, imageSize, 3], 0, 1, 'float32', 1)
  expect(featuresOf(model, images).shape).toEqual([1, side, side, 8])
  expect(logitsOf(model, images).shape).toEqual([1, 5])
})

test('a stem for CIFAR leaves large images at their size, one for ImageNet brings small ones to a quarter', () => {
  const sideOf = (stem: string, imageSize: number) =>
    featuresOf(build({ name: 'resnet', width: 2, layers: [1], stem }), tf.zeros([1, imageSize, imageSize, 3])).shape[1]
  expect(sideOf('cifar', 64)).toBe(64)
  expect(sideOf('imagenet', 16)).toBe(4)
})

test('a resnet’s layer groups are its stem, its groups of blocks and its head', () => {
  const model = build({ name: 'resnet', width: 2, layers: [1, 1] })
  expect(model.groups.map(({ name }) => name)).toEqual(['stem', 'layer1', 'layer2', 'head'])
})

test('disposing a model frees all it made', () => {
  const before = tf.memory().numTensors
  build({ name: 'resnet', width: 2, layers: [1] }).dispose()
  expect(tf.memory().numTensors).toBe(before)
})

const bundle: BundleModule = {
  model: ({ tf: t, body, head, classes, options }) => {
    const conv = body.conv2d('mine/conv', { inputs: 3, filters: options.filters as number, size: 1 })
    const dense = head.dense('out', { inputs: options.filters as number, units: classes })
    return {
      body: (images, pass) => t.max(conv(images, pass), [1, 2]),
      head: (features, pass) => dense(features as tf.Tensor2D, pass),
    }
  },
}

test('a bundle’s model is built from its options with Baton’s layers, and freezes by group like a built-in one', () => {
  const model = build({ name: 'bundle', options: { filters: 3 } }, { bundle })
  expect(model.variables.map(({ name, group }) => [name, group])).toEqual([
    ['mine/conv/kernel', 'body'],
    ['head/out/kernel', 'head'],
    ['head/out/bias', 'head'],
  ])
  expect(logitsOf(model, tf.zeros([2, 16, 16, 3])).shape).toEqual([2, 5])
})

test('a bundle’s model may bring layer groups of its own', () => {
  const grouped: BundleModule = {
    model: ({ layersOf, classes, tf: t }) => {
      const conv = layersOf('eyes').conv2d('conv', { inputs: 3, filters: 2, size: 1 })
      const dense = layersOf('head', '').dense('out', { inputs: 2, units: classes })
      return {
        groups: [
          { name: 'eyes', run: conv },
          { name: 'head', run: (x: tf.Tensor4D, pass) => dense(t.max(x, [1, 2]), pass) },
        ],
      }
    },
  }
  const model = build({ name: 'bundle' }, { bundle: grouped })
  expect(model.groups.map(({ name }) => name)).toEqual(['eyes', 'head'])
  expect(model.variables.map(({ name, group }) => [name, group])).toEqual([
    ['eyes/conv/kernel', 'eyes'],
    ['out/kernel', 'head'],
    ['out/bias', 'head'],
  ])
  expect(logitsOf(model, tf.zeros([2, 16, 16, 3])).shape).toEqual([2, 5])
})

const run = (x: tf.Tensor) => x
test.each<[what: string, bundle: BundleModule, message: RegExp]>([
  [
    'no head among its groups',
    { model: () => ({ groups: [{ name: 'body', run }] }) },
    /last layer group must be named/,
  ],
  ['no groups at all', { model: () => ({ groups: [] }) }, /must be named head; there are: none/],
  [
    'two groups of one name',
    { model: () => ({ groups: ['a', 'a', 'head'].map((name) => ({ name, run })) }) },
    /each once: a, a, head/,
  ],
  [
    'a variable of a group that is not there',
    { model: ({ layersOf }) => (layersOf('lost').variable('w', [1], 'kernel', 0), { body: run, head: run as never }) },
    /lost\/w belongs to the layer group lost; there are: body, head/,
  ],
  ['no model', {}, /export `model`/],
  [
    'a factory that throws',
    {
      model: ({ body }) => {
        body.variable('made-before-it-threw', [3], 'kernel', 0)
        throw new Error('bad idea')
      },
    },
    /the model of the code bundle: bad idea/,
  ],
  ['a model without a head', { model: () => ({ body: (x: tf.Tensor) => x }) as never }, /head .* must be a function/],
])('a bundle with %s fails as user code, and leaves nothing behind', (_what, broken, message) => {
  const before = tf.memory().numTensors
  expect(() => build({ name: 'bundle' }, { bundle: broken })).toThrow(
    expect.objectContaining({ code: 'user-code-failed', message: expect.stringMatching(message) as string }) as Error,
  )
  expect(tf.memory().numTensors).toBe(before)
})
