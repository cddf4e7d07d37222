import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { createBuilder } from './builder.ts'
import { castMatrixOps } from './cast-matrix-ops.ts'
import { cpuConvolutions } from './cpu-convolutions.ts'
import { attribute } from './native.ts'
import type { ComputeDtype } from './program.ts'
import { attrValue, dataType } from './proto.ts'

type Pass = 'Conv2D' | 'Conv2DBackpropInput' | 'Conv2DBackpropFilter'

interface Layer {
  pass?: Pass
  /** Of the map. */
  size: number
  filter: number
  stride?: number
  groups?: number
  padding?: 'SAME' | 'VALID'
  layout?: 'NHWC' | 'NCHW'
  dtype?: ComputeDtype
}

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const T = { T: attrValue.type(dataType.float32) }

/** The operations that take part in a convolution of 8 channels to 16, without those that bring values into shape. */
function operationsOf({ pass = 'Conv2D', size, filter, dtype = 'float32', ...layer }: Layer): string[] {
  const { stride = 1, groups = 1, padding = 'SAME', layout = 'NHWC' } = layer
  const float32 = createBuilder()
  const graph = castMatrixOps(float32, dtype)
  const left = Math.ceil((padding === 'SAME' ? size : size - filter + 1) / stride)
  const map = (side: number, channels: number) =>
    tf.zeros(layout === 'NHWC' ? [2, side, side, channels] : [2, channels, side, side])
  const [x, w, y] = [map(size, 8), tf.zeros([filter, filter, 8 / groups, 16]), map(left, 16)]
  const shape = tf.tensor1d([0])
  const inputs = { Conv2D: [x, w], Conv2DBackpropInput: [shape, w, y], Conv2DBackpropFilter: [x, shape, y] }[pass]
  const output = { Conv2D: y, Conv2DBackpropInput: x, Conv2DBackpropFilter: w }[pass]
  const attributes = [
    attribute.integers('strides', [1, stride, stride, 1]),
    attribute.integers('dilations', [1, 1, 1, 1]),
    attribute.string('padding', padding),
    attribute.string('data_format', layout),
  ]
  const node = { op: pass, inputs: inputs.map((_, i) => `input${i}`), attributes: T }
  const last = cpuConvolutions({ graph, dtype, float32 })({ node, attributes, inputs, output })
  if (last === null) return []
  expect(last).toBe(graph.nodes.at(-1)!.name)
  return graph.nodes.map(({ op }) => op).filter((op) => !['Const', 'Reshape', 'Slice', 'PadV2', 'Fill'].includes(op))
}

test.each<[what: string, layer: Layer, operations: string[]]>([
  ['a filter of one place is one product', { size: 8, filter: 1 }, ['MatMul']],
  ['its gradients are, too', { size: 8, filter: 1, pass: 'Conv2DBackpropFilter' }, ['MatMul']],
  ['and in bfloat16', { size: 8, filter: 1, dtype: 'bfloat16' }, ['Cast', 'Cast', 'MatMul', 'Cast']],
  ['a map of one place takes but the middle of a filter', { size: 1, filter: 3 }, ['MatMul']],
  ['a filter on a small map is a product for each of its places', { size: 2, filter: 3 }, [...Array<string>(9).fill('MatMul'), 'AddN']], // prettier-ignore
  ['a large map is convolved by TensorFlow', { size: 3, filter: 3 }, []],
  ['and so is one of which places are left out', { size: 4, filter: 3, stride: 2 }, []],
  ["the gradient of a small map's filter is in float32", { size: 4, filter: 3, dtype: 'bfloat16', pass: 'Conv2DBackpropFilter' }, ['Conv2DBackpropFilter']], // prettier-ignore
  ["and that of a large map's is not", { size: 5, filter: 3, dtype: 'bfloat16', pass: 'Conv2DBackpropFilter' }, []],
  ['a filter as large as a small map is a product for each of its places', { size: 4, filter: 4, padding: 'VALID' }, [...Array<string>(16).fill('MatMul'), 'AddN']], // prettier-ignore
  ['one as large as a larger map has too many', { size: 5, filter: 5, padding: 'VALID' }, []],
  ['maps with their channels first are convolved by TensorFlow', { size: 8, filter: 1, layout: 'NCHW' }, []],
  ['groups are convolved by TensorFlow', { size: 2, filter: 3, groups: 2 }, []],
  ['in bfloat16 too', { size: 2, filter: 3, groups: 2, dtype: 'bfloat16', pass: 'Conv2DBackpropFilter' }, []],
  ['but in float32 where places of a filter see nothing, for its gradient', { size: 1, filter: 3, stride: 2, groups: 2, dtype: 'bfloat16', pass: 'Conv2DBackpropFilter' }, ['Conv2DBackpropFilter']], // prettier-ignore
  ['be it the last one alone', { size: 2, filter: 3, stride: 2, groups: 2, dtype: 'bfloat16', pass: 'Conv2DBackpropFilter' }, ['Conv2DBackpropFilter']], // prettier-ignore
  ['and for float16 in float32', { size: 2, filter: 3, groups: 2, dtype: 'float16' }, ['Conv2D']],
])('%s', (_what, layer, operations) => {
  expect(operationsOf(layer)).toEqual(operations)
})

test('what is no convolution stays as it is', () => {
  const graph = createBuilder()
  const node = { op: 'MatMul', inputs: ['a', 'b'], attributes: T }
  const inputs = [tf.zeros([1, 1]), tf.zeros([1, 1])]
  expect(cpuConvolutions({ graph, dtype: 'float32', float32: graph })({ node, attributes: [], inputs, output: inputs[0]! })).toBeNull() // prettier-ignore
})
