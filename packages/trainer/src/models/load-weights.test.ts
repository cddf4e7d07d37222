import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { ModelSpec } from '@baton/contracts'
import { encode } from '@baton/safetensors'
import type { Tensor } from '@baton/safetensors'
import { buildModel } from './build.ts'
import { loadWeights } from './load-weights.ts'
import type { Model } from './model.ts'
import { readWeights } from './read-weights.ts'
import { timmNameOf, toTimm } from './timm-layout.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

/** MobileNetV2 has every kind of layer but one in groups, which is laid out as any convolution. */
function aModel(seed: number, classes = 4): Model {
  const spec = ModelSpec.parse({ name: 'mobilenetv2', width: 0.125 })
  const model = buildModel(spec, { tf, classes, imageSize: 16, seed })
  onTestFinished(() => model.dispose())
  return model
}

const valuesOf = ({ variables }: Model) =>
  new Map(
    variables.map(({ name, variable }) => [
      name,
      { shape: variable.shape, data: variable.dataSync().slice() as Float32Array },
    ]),
  )
const inTimm = (model: Model): Map<string, Tensor> =>
  new Map([...valuesOf(model)].map(([name, tensor]) => [timmNameOf(name), toTimm(name, tensor)]))
const without = (name: string, tensors: Map<string, Tensor>) => new Map([...tensors].filter(([key]) => key !== name))
const unfit = (message: RegExp) =>
  expect.objectContaining({ code: 'weights-unfit', message: expect.stringMatching(message) as string }) as Error

test('weights by timm’s names and in PyTorch’s layout become the model’s', () => {
  const [from, to] = [aModel(1), aModel(2)]
  const weights = inTimm(from)
  expect(weights.get('conv_stem.weight')!.shape).toEqual([8, 3, 3, 3])
  expect(weights.get('blocks.1.0.conv_dw.weight')!.shape).toEqual([48, 1, 3, 3])
  expect(weights.get('classifier.weight')!.shape).toEqual([4, 1280])
  expect(weights.get('blocks.1.0.bn1.running_var')!.shape).toEqual([48])
  weights.set('bn1.num_batches_tracked', { shape: [], data: BigInt64Array.of(7n) })
  expect(loadWeights(tf, to, weights)).toEqual({ fresh: [] })
  expect(valuesOf(to)).toEqual(valuesOf(from))
})

test('PyTorch’s place [o, i, h, w] of a convolution is ours [h, w, i, o]', () => {
  const weights = inTimm(aModel(1))
  const data = new Float32Array(8 * 3 * 3 * 3)
  data[((5 * 3 + 2) * 3 + 1) * 3 + 0] = 1
  weights.set('conv_stem.weight', { shape: [8, 3, 3, 3], data })
  const model = aModel(2)
  loadWeights(tf, model, weights)
  expect(valuesOf(model).get('conv_stem/kernel')!.data.indexOf(1)).toBe(((1 * 3 + 0) * 3 + 2) * 8 + 5)
})

test('weights by our own names, as Baton writes them, become the model’s', () => {
  const [from, to] = [aModel(1), aModel(2)]
  loadWeights(tf, to, valuesOf(from))
  expect(valuesOf(to)).toEqual(valuesOf(from))
})

test('a head for other classes, or none, leaves the model’s own head fresh and takes everything else', () => {
  const [from, to] = [aModel(1, 7), aModel(2)]
  const before = valuesOf(to)
  const expected = new Map([...valuesOf(from), ...[...before].filter(([name]) => name.startsWith('classifier/'))])
  const fresh = ['classifier/kernel', 'classifier/bias']
  expect(loadWeights(tf, to, inTimm(from))).toEqual({ fresh })
  expect(valuesOf(to)).toEqual(expected)
  expect(loadWeights(tf, to, without('classifier.bias', inTimm(from)))).toEqual({ fresh })
})

test('what is missing, unexpected or of another shape is listed in one error, and nothing is changed', () => {
  const weights = without('conv_head.weight', inTimm(aModel(1)))
  weights.set('extra.weight', { shape: [1], data: Float32Array.of(1) })
  weights.set('conv_stem.weight', { shape: [8, 3, 5, 5], data: new Float32Array(600) })
  const model = aModel(2)
  const before = valuesOf(model)
  expect(() => loadWeights(tf, model, weights)).toThrow(
    unfit(
      /^1 missing: conv_head\.weight; 1 of another shape: conv_stem\.weight is \[5, 5, 3, 8\] in our layout, not \[3, 3, 3, 8\]; 1 unexpected: extra\.weight$/,
    ),
  )
  expect(valuesOf(model)).toEqual(before)
})

test('weights of another network are refused with a list that ends', () => {
  const weights = new Map(Array.from({ length: 9 }, (_, i) => [`conv${i}`, { shape: [1], data: Float32Array.of(1) }]))
  expect(() => loadWeights(tf, aModel(1), weights)).toThrow(
    unfit(/9 unexpected: conv0, conv1, conv2, conv3, conv4 and 4 more$/),
  )
})

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'baton-weights-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('a TensorFlow.js layers model’s weights are read from model.json and the files beside it', async () => {
  const [from, to, folder] = [aModel(1), aModel(2), await aFolder()]
  const named = [...valuesOf(from)].map(
    ([name, tensor]) => [name.replace(/\/(mean|variance)$/, '/moving_$1'), tensor] as const,
  )
  const bytes = Buffer.concat(named.map(([, { data }]) => Buffer.from(data.buffer)))
  await writeFile(path.join(folder, 'a.bin'), bytes.subarray(0, 1001))
  await writeFile(path.join(folder, 'b.bin'), bytes.subarray(1001))
  const weights = named.map(([name, { shape }]) => ({ name, shape, dtype: 'float32' }))
  const json = { modelTopology: {}, weightsManifest: [{ paths: ['./a.bin', 'b.bin'], weights }] }
  await writeFile(path.join(folder, 'model.json'), JSON.stringify(json))
  loadWeights(tf, to, await readWeights(path.join(folder, 'model.json')))
  expect(valuesOf(to)).toEqual(valuesOf(from))
})

test('a safetensors file is read; one that is neither is refused', async () => {
  const file = path.join(await aFolder(), 'weights')
  const tensors = new Map([['a', { shape: [2], data: Float32Array.of(1, 2) }]])
  await writeFile(file, encode(tensors))
  expect(await readWeights(file)).toEqual(tensors)
  for (const broken of ['{"model": 1}', 'PK', '']) {
    await writeFile(file, broken)
    await expect(readWeights(file)).rejects.toEqual(unfit(/cannot be read/))
  }
  await expect(readWeights(`${file}.none`)).rejects.toEqual(unfit(/cannot be read/))
})
