import { expect, test } from 'vitest'
import type { GraphBuilder } from './builder.ts'
import { castMatrixOps } from './cast-matrix-ops.ts'
import type { ComputeDtype } from './program.ts'
import { attrValue, dataType } from './proto.ts'

const T = { T: attrValue.type(dataType.float32) }
const typeNames = new Map(
  Object.entries(dataType).map(([name, number]) => [Buffer.from(attrValue.type(number)).toString('hex'), name]),
)

/** A graph that says, of each node, what it is made from and its types: `Cast_2 = Cast(x) float32 bfloat16`. */
function aGraph(dtype: ComputeDtype): { graph: GraphBuilder; nodes: string[] } {
  const nodes: string[] = []
  const graph: GraphBuilder = {
    add(op, inputs, attributes = {}) {
      const types = Object.values(attributes).map((value) => typeNames.get(Buffer.from(value).toString('hex')))
      const name = `${op}_${nodes.length}`
      nodes.push([`${name} = ${op}(${inputs.join(', ')})`, ...types].join(' '))
      return name
    },
    nodes: [],
    constant: () => 'constant',
    wait: () => undefined,
    usersOf: () => [],
    toBytes: () => new Uint8Array(),
  }
  return { graph: castMatrixOps(graph, dtype), nodes }
}

test.each<[op: string, inputs: string[], cast: string[]]>([
  ['Conv2D', ['x', 'w'], ['x', 'w']],
  ['Conv2DBackpropInput', ['shape', 'w', 'dy'], ['w', 'dy']],
  ['Conv2DBackpropFilter', ['x', 'shape', 'dy'], ['x', 'dy']],
  ['MatMul', ['x', 'w'], ['x', 'w']],
  ['BatchMatMulV2', ['x', 'w'], ['x', 'w']],
])(
  '%s computes in bfloat16: maps and filters are cast, shapes are not, and the result is float32',
  (op, inputs, cast) => {
    const { graph, nodes } = aGraph('bfloat16')
    const given = inputs.map((ref) => (cast.includes(ref) ? `Cast_${cast.indexOf(ref)}` : ref))
    expect(graph.add(op, inputs, T)).toBe('Cast_3')
    expect(nodes).toEqual([
      ...cast.map((ref, i) => `Cast_${i} = Cast(${ref}) float32 bfloat16`),
      `${op}_2 = ${op}(${given.join(', ')}) bfloat16`,
      `Cast_3 = Cast(${op}_2) bfloat16 float32`,
    ])
  },
)

test('a value is cast once, however many products take it', () => {
  const { graph, nodes } = aGraph('float16')
  graph.add('Conv2D', ['x', 'w'], T)
  graph.add('Conv2DBackpropFilter', ['x', 'shape', 'dy'], T)
  graph.add('Conv2DBackpropInput', ['shape', 'w', 'dy'], T)
  expect(nodes.filter((node) => node.endsWith('float32 float16'))).toEqual([
    'Cast_0 = Cast(x) float32 float16',
    'Cast_1 = Cast(w) float32 float16',
    'Cast_4 = Cast(dy) float32 float16',
  ])
})

test("a product of another one's result takes it uncast, and of what was computed from it does not", () => {
  const { graph, nodes } = aGraph('bfloat16')
  const first = graph.add('Conv2D', ['x', 'w'], T)
  graph.add('Conv2D', [first, 'w'], T)
  const normalised = graph.add('FusedBatchNormV3', [first], T)
  graph.add('Conv2D', [normalised, 'w'], T)
  expect(nodes).toContainEqual('Conv2D_4 = Conv2D(Conv2D_2, Cast_1) bfloat16')
  expect(nodes).toContainEqual('FusedBatchNormV3_6 = FusedBatchNormV3(Cast_3) float32')
  expect(nodes).toContainEqual('Conv2D_8 = Conv2D(Cast_7, Cast_1) bfloat16')
})

test.each(['DepthwiseConv2dNative', 'DepthwiseConv2dNativeBackpropFilter', 'FusedBatchNormGradV3', 'AddV2', 'Cast'])(
  '%s stays as it is',
  (op) => {
    const { graph, nodes } = aGraph('bfloat16')
    graph.add(op, ['x', 'w'], T)
    expect(nodes).toEqual([`${op}_0 = ${op}(x, w) float32`])
  },
)

test('a product of whole numbers, and every product of a graph in float32, stays as it is', () => {
  const low = aGraph('bfloat16')
  low.graph.add('BatchMatMulV2', ['x', 'w'], { T: attrValue.type(dataType.int32) })
  expect(low.nodes).toEqual(['BatchMatMulV2_0 = BatchMatMulV2(x, w) int32'])
  const full = aGraph('float32')
  full.graph.add('Conv2D', ['x', 'w'], T)
  expect(full.nodes).toEqual(['Conv2D_0 = Conv2D(x, w) float32'])
})
