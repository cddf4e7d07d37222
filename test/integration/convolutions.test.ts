import { beforeAll, expect, test } from 'vitest'
import type { ProgramSpec } from '@baton/graph-step'
import { compiledProgram, eagerProgram, groupedConv2d, readTensor } from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

type Tensor4D = ReturnType<Tf['tensor4d']>
type ComputeDtype = NonNullable<ProgramSpec['signatures'][string]['computeDtype']>

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

interface Layer {
  readonly map: readonly [height: number, width: number]
  readonly filter: readonly [height: number, width: number]
  readonly padding: 'same' | 'valid'
  readonly stride?: number
  readonly groups?: number
}

/** A map, and the gradients of its sum, each place weighed differently. */
function programOf({ map, filter, padding, stride = 1, groups = 1 }: Layer, computeDtype: ComputeDtype) {
  const random = (shape: number[], seed: number): Tensor4D =>
    tf.randomNormal(shape as [number, number, number, number], 0, 1, 'float32', seed)
  const x = random([3, ...map, 4], 1)
  const w = random([...filter, 4 / groups, 6], 2)
  const convolve = groups > 1 ? groupedConv2d(tf, groups) : tf.conv2d
  const weights = tf.tidy(() => random(convolve(x, w, stride, padding).shape, 3))
  const spec: ProgramSpec = {
    state: [],
    signatures: {
      differentiate: {
        inputs: { x: { shape: x.shape, dtype: 'float32' }, w: { shape: w.shape, dtype: 'float32' } },
        computeDtype,
        run: ({ x: input, w: kernel }) => {
          const of = (a: Tensor4D, b: Tensor4D) => convolve(a, b, stride, padding)
          const [ofX, ofW] = tf.grads((a, b) => tf.sum(tf.mul(of(a as Tensor4D, b as Tensor4D), weights)))([
            input!,
            kernel!,
          ])
          return { y: of(input as Tensor4D, kernel as Tensor4D), ofX: ofX!, ofW: ofW! }
        },
      },
    },
  }
  return { spec, feeds: { x, w } }
}

const layers: Layer[] = [
  { map: [5, 3], filter: [1, 1], padding: 'same' },
  { map: [1, 1], filter: [3, 3], padding: 'same' },
  { map: [2, 2], filter: [3, 3], padding: 'same' },
  { map: [1, 4], filter: [3, 3], padding: 'same' },
  { map: [2, 2], filter: [2, 2], padding: 'same' },
  { map: [2, 1], filter: [7, 5], padding: 'same' },
  { map: [4, 4], filter: [3, 3], padding: 'valid' },
  { map: [4, 3], filter: [4, 3], padding: 'valid' },
  { map: [4, 4], filter: [3, 3], padding: 'same' },
  { map: [4, 4], filter: [3, 3], padding: 'same', stride: 2 },
  { map: [4, 4], filter: [1, 1], padding: 'same', stride: 2 },
  { map: [2, 2], filter: [3, 3], padding: 'same', groups: 2 },
]
const tolerances: [dtype: ComputeDtype, tolerance: number][] = [
  ['float32', 1e-5],
  ['bfloat16', 0.1],
  ['float16', 0.02],
]

test.each(layers.flatMap((layer) => tolerances.map(([dtype, tolerance]) => ({ ...layer, dtype, tolerance }))))(
  'a compiled convolution and its gradients are the eager ones up to rounding: map $map, filter $filter $padding, stride $stride, groups $groups, $dtype',
  ({ dtype, tolerance, ...layer }) => {
    const { spec, feeds } = programOf(layer, dtype)
    const expected = eagerProgram(tf, spec).run('differentiate', feeds)
    const compiled = compiledProgram(tf, spec, (line) => expect.unreachable(line))
    const given = compiled.run('differentiate', feeds)
    for (const [name, tensor] of Object.entries(expected)) {
      const [values, wanted] = [readTensor(tf, given[name]!), readTensor(tf, tensor)]
      const worst = Math.max(...values.map((value, i) => Math.abs(value - wanted[i]!)))
      expect(worst, name).toBeLessThan(tolerance)
      expect(given[name]!.shape).toEqual(tensor.shape)
    }
    compiled.dispose()
  },
)
