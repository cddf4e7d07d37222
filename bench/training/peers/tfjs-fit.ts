/**
 * TensorFlow.js `fit` of a layers model, on the native library that Baton binds, as users of TensorFlow.js train.
 */
import { readFileSync } from 'node:fs'
import { decode } from '@baton/safetensors'
import { loadTensorflow } from '@baton/tensorflow'
import type { SymbolicTensor, Tensor } from '@tensorflow/tfjs'
import type { Weighted } from '../../../packages/trainer/src/export/symbolic-layers.ts'
import { setWeights, symbolicLayers } from '../../../packages/trainer/src/export/symbolic-layers.ts'
import { groupsOf } from '../../../packages/trainer/src/models/build.ts'
import { runGroups } from '../../../packages/trainer/src/models/groups.ts'
import type { NamedTensors } from '../../../packages/trainer/src/models/model.ts'
import { readJob, serve } from './serve.ts'

const job = await readJob()
const { net, classes, threads, mean, std } = job
const { size, batch } = net
const { tf, environment } = await loadTensorflow({ threads })

const made: Weighted[] = []
const input = tf.input({ shape: [size, size, 3] })
const groups = groupsOf(net.model, {
  tf,
  layersOf: (group, prefix = group) => symbolicLayers(tf, prefix, made),
  classes,
  imageSize: size,
  imageSizes: [size],
})
const logits = runGroups(groups, input as unknown as Tensor, () => ({ training: false }))
const output = tf.layers.activation({ activation: 'sigmoid' }).apply(logits) as SymbolicTensor
const model = tf.model({ inputs: input, outputs: output })
setWeights(tf, made, decode(readFileSync(job.weights)).tensors as NamedTensors)
model.compile({ optimizer: tf.train.momentum(job.lr, job.momentum), loss: 'binaryCrossentropy' })

const count = job.batches * batch
// Normalised before the clock runs: nothing of it is left to the steps.
const x = tf.tidy(() => {
  const pixels = tf.tensor4d(new Uint8Array(readFileSync(job.images)), [count, size, size, 3], 'float32')
  return pixels
    .div(255)
    .sub(tf.tensor1d([...mean]))
    .div(tf.tensor1d([...std]))
})
const y = tf.tensor2d(new Float32Array(readFileSync(job.labels).buffer), [count, classes])

async function fit(images: Tensor, labels: Tensor): Promise<number> {
  const { history } = await model.fit(images, labels, { batchSize: batch, epochs: 1, shuffle: false, verbose: 0 })
  return history.loss![0] as number
}

const losses: number[] = []
for (let i = 0; i < job.proofSteps; i++) losses.push(await fit(x.slice(i * batch, batch), y.slice(i * batch, batch)))
let perSecond = 0
await timedFit(1)

/** One call of `fit` over the data so many times. */
async function timedFit(times: number) {
  const [images, labels] = [x, y].map((one) => tf.concat(Array.from({ length: times }, () => one))) as [Tensor, Tensor]
  const startMs = performance.now()
  await fit(images, labels)
  const seconds = (performance.now() - startMs) / 1000
  tf.dispose([images, labels])
  perSecond = (times * count) / seconds
  return { images: times * count, seconds }
}

await serve(
  {
    parameters: model.trainableWeights.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0),
    losses,
    versions: `${environment.backend} on TensorFlow ${environment.tensorflow}`,
  },
  { steps: ({ seconds }) => timedFit(Math.max(1, Math.round((seconds * perSecond) / count))) },
)
