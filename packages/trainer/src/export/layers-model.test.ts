import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { ImageSpec, ModelSpec } from '@baton/contracts'
import { toFloats } from '../fold/training.ts'
import { buildModel } from '../models/build.ts'
import { runGroups } from '../models/groups.ts'
import { normalise } from '../step/compose.ts'
import { writeLayersModel } from './layers-model.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

test('a layers model with convolutions in groups loads where there is nothing but TensorFlow.js, and predicts what the model does', async () => {
  const [spec, image] = [ModelSpec.parse({ name: 'seresnext50_32x4d', width: 0.25 }), ImageSpec.parse({ size: 16 })]
  const model = buildModel(spec, { tf, classes: 3, imageSize: image.size, seed: 1 })
  const dir = await mkdtemp(path.join(tmpdir(), 'baton-layers-model-'))
  onTestFinished(async () => {
    model.dispose()
    await rm(dir, { recursive: true })
  })
  const weights = toFloats(
    new Map(
      model.variables.map(({ name, variable }) => [
        name,
        { shape: variable.shape, data: variable.dataSync() as Float32Array },
      ]),
    ),
  )
  await writeLayersModel(dir, { tf, model: spec, image, classes: 3, activation: 'sigmoid', weights })

  const { modelTopology, weightsManifest } = JSON.parse(
    await readFile(path.join(dir, 'model.json'), 'utf8'),
  ) as tf.io.ModelJSON
  const weightData = Uint8Array.from(await readFile(path.join(dir, 'weights.bin'))).buffer
  const weightSpecs = weightsManifest.flatMap((group) => group.weights)
  const loaded = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }))

  const pictures = tf.randomUniform<tf.Rank.R4>([2, image.size, image.size, 3], 0, 256, 'int32', 7)
  const ours = tf.sigmoid(runGroups(model.groups, normalise(tf, pictures, image), () => ({ training: false })))
  const theirs = loaded.predict(tf.cast(pictures, 'float32')) as tf.Tensor
  expect(tf.max(tf.abs(tf.sub(ours, theirs))).dataSync()[0]).toBeLessThan(1e-5)
})
