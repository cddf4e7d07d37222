import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { ExperimentSpec, ModelSpec } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import type { Tensor as StoredTensor } from '@baton/safetensors'
import type { Tf } from '@baton/tensorflow'
import { exportModel, readWeights } from '@baton/trainer'
import type { ExportFormat } from '@baton/trainer'
import { buildModel } from '../../packages/trainer/src/models/build.ts'
import { runGroups } from '../../packages/trainer/src/models/groups.ts'
import { loadWeights } from '../../packages/trainer/src/models/load-weights.ts'
import { HEAD } from '../../packages/trainer/src/models/model.ts'
import type { Model } from '../../packages/trainer/src/models/model.ts'
import { normalise } from '../../packages/trainer/src/step/compose.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'
import type { NodeTf } from '../support/native-tensorflow.ts'

type Tensor = ReturnType<Tf['tensor']>
type Tensor4D = ReturnType<Tf['tensor4d']>

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

const SIZE = 32
const CLASSES = 3

interface Trained {
  readonly modelSpec: ModelSpec
  readonly spec: ExperimentSpec
  readonly model: Model
  readonly weights: Map<string, StoredTensor>
}

/** A model with statistics that are not 0 and 1, and logits of about 1 to 3: no probability is so near 0 or 1 that it hides them. */
function aTrained(given: Record<string, unknown>, loss = 'bce'): Trained {
  const modelSpec = ModelSpec.parse(given)
  const spec = ExperimentSpec.parse({
    name: 'test',
    dataset: 'shapes',
    folds: { count: 2 },
    model: modelSpec,
    image: { size: SIZE },
    stages: [{ name: 'only', epochs: 1, schedule: { name: 'constant', lr: 0.01 }, loss: { name: loss } }],
  })
  const model = buildModel(modelSpec, { tf, classes: CLASSES, imageSize: SIZE, seed: 3 })
  onTestFinished(() => model.dispose())
  for (const { role, variable } of model.variables)
    if (role !== 'kernel') variable.assign(tf.randomUniform(variable.shape, 0.5, 1.5, 'float32', variable.size))
  tf.tidy(() => {
    const greatest = tf.max(tf.abs(logitsOf({ spec, model }, someImages(4))))
    for (const { group, variable } of model.variables)
      if (group === HEAD) variable.assign(tf.div(tf.mul(variable, 3), greatest))
  })
  const weights = new Map(
    model.variables.map(({ name, variable }) => [
      name,
      { shape: variable.shape, data: variable.dataSync().slice() as Float32Array },
    ]),
  )
  return { modelSpec, spec, model, weights }
}

async function exported({ modelSpec, spec, weights }: Omit<Trained, 'model'>, format: ExportFormat) {
  const dir = await mkdtemp(path.join(tmpdir(), 'baton-export-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const files = await exportModel({ model: modelSpec, spec, weights, format, dir, loadTf: () => Promise.resolve(tf) })
  return { dir, files }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray) => Buffer.from(buffer, byteOffset, byteLength)
const someImages = (rows: number) => tf.randomUniform([rows, SIZE, SIZE, 3], 0, 256, 'int32', 7) as unknown as Tensor4D

function logitsOf({ spec, model }: Pick<Trained, 'spec' | 'model'>, images: Tensor4D): Tensor {
  return runGroups(model.groups, normalise(tf, images, spec.image), () => ({ training: false }))
}

function predicted(trained: Trained, images: Tensor4D, activation: 'sigmoid' | 'softmax' = 'sigmoid'): Tensor {
  return tf[activation](logitsOf(trained, images))
}

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape)
  const worst = tf.tidy(() => tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0])
  expect(worst).toBeLessThan(1e-5)
}

const models = [
  { name: 'convnet', width: 4, blocks: 2 },
  { name: 'resnet18', width: 0.125 },
  { name: 'resnet50', width: 0.125 },
  { name: 'seresnext50_32x4d', width: 0.25 },
  { name: 'densenet161', width: 0.125 },
  { name: 'mobilenetv2', width: 0.25 },
]

test.each(models)('a SavedModel of $name predicts what the model does, for any number of images', async (model) => {
  const trained = aTrained(model)
  const { dir, files } = await exported(trained, 'saved-model')
  expect(files).toEqual(['saved_model.pb'])
  const loaded = await (tf as unknown as NodeTf).node.loadSavedModel(dir)
  for (const rows of [1, 4]) {
    const { probabilities } = loaded.predict({ images: someImages(rows) })
    expectClose(probabilities!, predicted(trained, someImages(rows)))
  }
  loaded.dispose()
})

test.each(models)('a layers model of $name predicts what the model does', async (model) => {
  const trained = aTrained(model)
  const { dir, files } = await exported(trained, 'tfjs')
  expect(files).toEqual(['model.json', 'weights.bin'])
  const loaded = await tf.loadLayersModel(`file://${dir}/model.json`)
  expectClose(loaded.predict(tf.cast(someImages(3), 'float32')) as Tensor, predicted(trained, someImages(3)))
  loaded.dispose()
})

test('what was trained by softmax gives softmax’s probabilities', async () => {
  const trained = aTrained(models[0]!, 'softmax')
  const expected = predicted(trained, someImages(2), 'softmax')
  const saved = await (tf as unknown as NodeTf).node.loadSavedModel((await exported(trained, 'saved-model')).dir)
  expectClose(saved.predict({ images: someImages(2) }).probabilities!, expected)
  const layers = await tf.loadLayersModel(`file://${(await exported(trained, 'tfjs')).dir}/model.json`)
  expectClose(layers.predict(tf.cast(someImages(2), 'float32')) as Tensor, expected)
})

test.each(
  [{ name: 'mobilenetv2', width: 0.25 }, { name: 'seresnext50_32x4d', width: 0.25 }, models[0]!].flatMap((model) => [
    { ...model, format: 'safetensors' as const },
    { ...model, format: 'tfjs' as const },
  ]),
)('a $name that was exported as $format is taken as the weights of a new training, bit for bit', async (given) => {
  const { format, ...model } = given
  const trained = aTrained(model)
  const { dir, files } = await exported(trained, format)
  const other = aTrained(model)
  other.model.variables.forEach(({ variable }) => variable.assign(tf.zeros(variable.shape)))
  expect(loadWeights(tf, other.model, await readWeights(path.join(dir, files[0]!)))).toEqual({ fresh: [] })
  for (const { name, variable } of other.model.variables)
    expect(bytesOf(variable.dataSync()).equals(bytesOf(trained.weights.get(name)!.data)), name).toBe(true)
})

test('safetensors have timm’s names where the network is one of timm’s, and ours otherwise', async () => {
  const namesOf = async (model: Record<string, unknown>) => {
    const { dir } = await exported(aTrained(model), 'safetensors')
    return [...decode(await readFile(path.join(dir, 'model.safetensors'))).tensors.keys()]
  }
  expect(await namesOf({ name: 'resnet18', width: 0.125 })).toContain('layer2.0.downsample.1.running_var')
  expect(await namesOf({ name: 'convnet', width: 4, blocks: 1 })).toContain('block0/bn/variance')
})

test('a code bundle’s model is written as safetensors alone, and the refusal says why', async () => {
  const { spec, weights } = aTrained({ name: 'convnet', width: 4, blocks: 1 })
  const ofBundle = { modelSpec: ModelSpec.parse({ name: 'bundle' }), spec, weights }
  expect((await exported(ofBundle, 'safetensors')).files).toEqual(['model.safetensors'])
  for (const format of ['saved-model', 'tfjs'] as const)
    await expect(exported(ofBundle, format)).rejects.toMatchObject({ code: 'export-impossible' })
})
