import { parseSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { measureModel } from './measure-model.ts'

function aSpec(model: object, image: number, stages: object[] = [{}]) {
  return parseSpec({
    name: 'measured',
    dataset: 'emoji',
    folds: { count: 5 },
    model,
    image: { size: image },
    stages: stages.map((stage, i) => ({
      name: `s${i}`,
      epochs: 1,
      schedule: { name: 'constant', lr: 0.001 },
      ...stage,
    })),
  })
}

test('weights are those of PyTorch’s resnet18: 11,689,512 with a thousand labels', async () => {
  const size = await measureModel(aSpec({ name: 'resnet18' }, 224), 1000)
  expect(size).toMatchObject({ parameters: 11_689_512, statistics: 9600 })
})

test('a stage trains and keeps as much as its groups and optimizer take', async () => {
  const stages = [
    { train: 'head', optimizer: { name: 'sgd' } },
    { optimizer: { name: 'sgdm' } },
    { optimizer: { name: 'adamw' } },
  ]
  const size = (await measureModel(aSpec({ name: 'convnet', width: 4, blocks: 1 }, 16, stages), 3))!
  // 3×3×3×4 and the normalisation's 4 + 4; the head's 4×3 + 3.
  expect(size).toMatchObject({ parameters: 108 + 8 + 15, statistics: 8 })
  expect(size.stages).toEqual([
    { trained: 15, slots: 0 },
    { trained: 131, slots: 131 },
    { trained: 131, slots: 262 },
  ])
})

test('activations grow with the area of the picture', async () => {
  const at = async (size: number) => (await measureModel(aSpec({ name: 'convnet', width: 2, blocks: 2 }, size), 3))!
  const [small, large] = [await at(32), await at(128)]
  expect(large.activations).toBe(16 * small.activations)
  // At least the outputs of convolution, normalisation, relu and pooling of the first block.
  expect(small.activations).toBeGreaterThan(3 * 32 * 32 * 2 + 16 * 16 * 2)
})

test('of a bundle’s model nothing is known', async () => {
  const spec = aSpec({ name: 'convnet' }, 16)
  expect(await measureModel({ ...spec, model: { name: 'bundle', options: {}, weights: null } }, 3)).toBeNull()
})
