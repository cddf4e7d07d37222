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
  /** Of the map, which keeps its size. */
  size: number
  filter: number
  stride?: number
  groups?: number
  dtype?: ComputeDtype
}

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const T = { T: attrValue.type(dataType.float32) }

/** The operations that take part in a convolution of 8 channels to 16, without those that bring values into shape. */
function operationsOf({ pass = 'Conv2D', size, filter, stride = 1, groups = 1, dtype = 'float32' }: Layer): string[] {
  const float32 = createBuilder()
  const graph = castMatrixOps(float32, dtype)
  const x = tf.zeros([2, size, size, 8])
  const w = tf.zeros([filter, filter, 8 / groups, 16])
  const y = tf.zeros([2, Math.ceil(size / stride), Math.ceil(size / stride), 16])
  const shape = tf.tensor1d([0])
  const inputs = { Conv2D: [x, w], Conv2DBackpropInput: [shape, w, y], Conv2DBackpropFilter: [x, shape, y] }[pass]
  const output = { Conv2D: y, Conv2DBackpropInput: x, Conv2DBackpropFilter: w }[pass]
  const attributes = [
    attribute.integers('strides', [1, stride, stride, 1]),
    attribute.integers('dilations', [1, 1, 1, 1]),
    attribute.string('padding', 'SAME'),
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
  ['groups are convolved by TensorFlow', { size: 2, filter: 3, groups: 2 }, []],
  ['in bfloat16 too', { size: 2, filter: 3, groups: 2, dtype: 'bfloat16', pass: 'Conv2DBackpropFilter' }, []],
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
