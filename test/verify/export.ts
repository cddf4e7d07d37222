/**
 * `npm run verify:export [NETWORK...]`: exports every network in each format and loads it where others would: safetensors
 * into timm in PyTorch, the SavedModel into TensorFlow in Python, the layers model into TensorFlow.js. Prints by how much
 * what they say of the same pictures differs from what Baton's model says, and exits with 1 where that is 1e-4 or more.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Rank, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs'
import { ExperimentSpec, ModelSpec } from '@baton/contracts'
import { decode, encode } from '@baton/safetensors'
import type { Tensor as Stored } from '@baton/safetensors'
import { loadTensorflow } from '@baton/tensorflow'
import { exportModel } from '@baton/trainer'
import type { ExportFormat } from '@baton/trainer'
import { installPython } from '../../bench/python.ts'
import { buildModel } from '../../packages/trainer/src/models/build.ts'
import { runGroups } from '../../packages/trainer/src/models/groups.ts'
import type { Model, Pass } from '../../packages/trainer/src/models/model.ts'
import { normalise } from '../../packages/trainer/src/step/compose.ts'
import { chosenNetworks, inRepository, networks, tensorflow, timm } from './networks.ts'
import type { TimmName } from './networks.ts'

const run = promisify(execFile)
const tolerance = 1e-4
const [PICTURES, SIZE, CLASSES] = [4, 96, 5]
const experiment = ExperimentSpec.parse({
  name: 'verify',
  dataset: 'none',
  folds: { count: 2 },
  model: { name: 'convnet' },
  image: { size: SIZE },
  stages: [{ name: 'only', epochs: 1, schedule: { name: 'constant', lr: 0.01 } }],
})

const say = (line: string) => console.error(line)
const pythons = {
  timm: path.join(await installPython(timm, say), 'python'),
  tensorflow: path.join(await installPython(tensorflow, say), 'python'),
}
const { tf, environment } = await loadTensorflow({ threads: 2 })
console.log(`${[...timm.packages, ...tensorflow.packages].join(', ')}; Baton on TensorFlow ${environment.tensorflow}`)
const rowOf = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(i === 0 ? 20 : 22)).join('')
console.log(rowOf(['network', 'safetensors in timm', 'SavedModel in Python', 'layers model']))
for (const name of chosenNetworks()) {
  const differences = await compare(name)
  const isEqual = differences.every((difference) => difference < tolerance)
  if (!isEqual) process.exitCode = 1
  const numbers = differences.map((difference) => difference.toExponential(1))
  console.log(rowOf([name, ...numbers, isEqual ? '' : 'DIFFERS']).trimEnd())
}

/** How far timm's logits, and the probabilities of the SavedModel and of the layers model, are from ours. */
async function compare(name: TimmName): Promise<number[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-verify-'))
  const spec = ModelSpec.parse({ name: networks[name] })
  const images = tf.randomUniform<Rank.R4>([PICTURES, SIZE, SIZE, 3], 0, 256, 'int32', 7)
  const model = aTrainedModel(spec, images)
  try {
    await writeInputs(folder, images)
    const weights = new Map(model.variables.map(({ name: key, variable }) => [key, stored(variable)]))
    for (const format of ['safetensors', 'saved-model', 'tfjs'] satisfies ExportFormat[])
      await exportModel({
        model: spec,
        spec: experiment,
        weights,
        format,
        dir: path.join(folder, format),
        loadTf: () => Promise.resolve(tf),
      })
    await run(pythons.timm, [inRepository('test/verify/load-in-timm.py'), folder, name])
    await run(pythons.tensorflow, [inRepository('test/verify/load-saved-model.py'), folder])
    const layers = await tf.loadLayersModel(`file://${folder}/tfjs/model.json`)
    const logits = logitsOf(model, images)
    const probabilities = tf.sigmoid(logits)
    return [
      difference((await readTensors(folder, 'timm')).get('logits')!.data as Float32Array, logits),
      difference((await readTensors(folder, 'tensorflow')).get('probabilities')!.data as Float32Array, probabilities),
      difference((layers.predict(tf.cast(images, 'float32')) as Tensor).dataSync() as Float32Array, probabilities),
    ]
  } finally {
    model.dispose()
    await rm(folder, { recursive: true })
  }
}

/**
 * A network as training leaves it: nothing that is 1 or 0 by itself, and normalised by the statistics of these pictures,
 * so that its logits are of ordinary size.
 */
function aTrainedModel(spec: ModelSpec, images: Tensor4D): Model {
  const model = buildModel(spec, { tf, classes: CLASSES, imageSize: SIZE, seed: 1 })
  const assignTo = (role: 'norm' | 'bias' | 'statistic', to: (variable: Variable, i: number) => Tensor) =>
    model.variables.forEach((target, i) => {
      if (target.role === role) tf.tidy(() => target.variable.assign(to(target.variable, i)))
    })
  const shifted = (variable: Variable, i: number) =>
    tf.add(variable, tf.randomUniform(variable.shape, -0.3, 0.3, 'float32', i))
  assignTo('norm', shifted)
  assignTo('bias', shifted)
  assignTo('statistic', (variable) => tf.zerosLike(variable))
  const seed = tf.tensor1d([1, 2], 'int32')
  tf.tidy(() => logitsOf(model, images, { training: true, seed }))
  // One step moves statistics a tenth of the way. And a quarter more: a variance near 0 would magnify rounding.
  assignTo('statistic', (variable) => tf.add(tf.mul(variable, 10), 0.25))
  return model
}

function logitsOf(model: Model, images: Tensor4D, pass: Pass = { training: false }): Tensor {
  return runGroups(model.groups, normalise(tf, images, experiment.image), () => pass)
}

function stored(tensor: Tensor): Stored {
  return { shape: tensor.shape, data: tensor.dataSync().slice() }
}

async function writeInputs(folder: string, images: Tensor4D): Promise<void> {
  const { mean, std } = experiment.image
  const inputs = new Map<string, Stored>([
    ['images', { shape: images.shape, data: Uint8Array.from(images.dataSync()) }],
    ['mean', { shape: [3], data: Float32Array.from(mean) }],
    ['std', { shape: [3], data: Float32Array.from(std) }],
    ['classes', { shape: [], data: Int32Array.of(CLASSES) }],
  ])
  await writeFile(path.join(folder, 'inputs.safetensors'), encode(inputs))
}

async function readTensors(folder: string, name: string) {
  return decode(await readFile(path.join(folder, `${name}.safetensors`))).tensors
}

/** The greatest difference, as a part of the greatest value of ours. */
function difference(theirs: Float32Array, ours: Tensor): number {
  const values = Array.from(ours.dataSync())
  if (theirs.length !== values.length) return Infinity
  return Math.max(...values.map((value, i) => Math.abs(value - theirs[i]!))) / Math.max(...values.map(Math.abs))
}
