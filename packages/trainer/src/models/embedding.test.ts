import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { onlyStage } from '../fixtures/only-stage.ts'

beforeAll(() => tf.setBackend('cpu'))

const CLASSES = 3

test.each([
  { name: 'convnet', width: 3, blocks: 2 },
  { name: 'resnet', width: 2, layers: [1, 1] },
  { name: 'seresnext50_32x4d', width: 0.125 },
  { name: 'mobilenetv2', width: 0.15 },
  { name: 'densenet161', width: 0.125 },
])('an embedding of $name is what its last layer makes the prediction of', (model) => {
  const size = model.name === 'densenet161' ? 32 : 8
  const spec = { model, image: { size }, knn: {}, evaluate: { batch: 2 } }
  const { program } = onlyStage({ tf, spec, classes: CLASSES })
  const images = Uint8Array.from({ length: 2 * size * size * 3 }, (_, i) => (i * 37) % 256)
  const { probabilities, embeddings } = program.embed(images, 2)
  expect(probabilities).toEqual(program.predict(images, 2))
  const state = program.state()
  const [kernel, bias] = ['kernel', 'bias'].map((part) => {
    const [, found] = [...state].findLast(([name]) => /^(head|fc|classifier)/.test(name) && name.endsWith(part))!
    return found.data
  })
  const width = embeddings.length / 2
  probabilities.forEach((p, i) => {
    const own = embeddings.subarray(Math.floor(i / CLASSES) * width, (Math.floor(i / CLASSES) + 1) * width)
    const logit = own.reduce((sum, x, j) => sum + x * kernel![j * CLASSES + (i % CLASSES)]!, bias![i % CLASSES]!)
    expect(p).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5)
  })
})
