import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { io, SymbolicTensor, Tensor } from '@tensorflow/tfjs'
import type { ImageSpec, ModelSpec } from '@baton/contracts'
import type { Tf } from '@baton/tensorflow'
import { groupsOf } from '../models/build.ts'
import { runGroups } from '../models/groups.ts'
import { NORMALISE } from '../models/load-weights.ts'
import type { NamedTensors } from '../models/model.ts'
import { setWeights, symbolicLayers } from './symbolic-layers.ts'
import type { Weighted } from './symbolic-layers.ts'

export interface LayersModelOptions {
  readonly tf: Tf
  readonly model: ModelSpec
  readonly image: ImageSpec
  readonly classes: number
  readonly activation: 'sigmoid' | 'softmax'
  readonly weights: NamedTensors
}

/**
 * Writes a TensorFlow.js layers model, from RGB images of 0 to 255, [batch, size, size, 3], to probabilities, [batch,
 * classes]: `model.json` and `weights.bin`, as `tf.loadLayersModel` reads them. Its layers have the names of ours.
 */
export async function writeLayersModel(dir: string, options: LayersModelOptions): Promise<string[]> {
  const model = layersModel(options)
  await mkdir(dir, { recursive: true })
  try {
    await model.save(options.tf.io.withSaveHandler((artifacts) => writeArtifacts(dir, artifacts)))
  } finally {
    model.dispose()
  }
  return ['model.json', 'weights.bin']
}

function layersModel({ tf, model: spec, image, classes, activation, weights }: LayersModelOptions) {
  const made: Weighted[] = []
  const { size } = image
  const tools = {
    tf,
    layersOf: (group: string, prefix = group) => symbolicLayers(tf, prefix, made),
    classes,
    imageSize: size,
    imageSizes: [size],
  }
  const input = tf.input({ shape: [size, size, 3], name: 'images' })
  const scale = tf.layers.depthwiseConv2d({ name: NORMALISE, kernelSize: 1, depthMultiplier: 1 })
  const images = scale.apply(input) as unknown as Tensor
  const logits = runGroups(groupsOf(spec, tools), images, () => ({ training: false }))
  const activate = tf.layers.activation({ activation, name: 'probabilities' })
  const output = activate.apply(logits) as SymbolicTensor
  const model = tf.model({ inputs: input, outputs: output })
  setWeights(tf, made, weights)
  tf.tidy(() => scale.setWeights(normalisation(tf, image)))
  return model
}

/** x / (255 σ) − μ / σ, per colour. */
function normalisation(tf: Tf, { mean, std }: ImageSpec): Tensor[] {
  const scale = std.map((deviation) => 1 / (255 * deviation))
  const shift = mean.map((value, colour) => -value / std[colour]!)
  return [tf.tensor(scale, [1, 1, 3, 1]), tf.tensor1d(shift)]
}

async function writeArtifacts(dir: string, artifacts: io.ModelArtifacts): Promise<io.SaveResult> {
  const { modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy } = artifacts
  const parts = [weightData!].flat()
  await writeFile(path.join(dir, 'weights.bin'), Buffer.concat(parts.map((part) => Buffer.from(part))))
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
  const json = { format, generatedBy, convertedBy, modelTopology, weightsManifest }
  await writeFile(path.join(dir, 'model.json'), JSON.stringify(json))
  return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
}
