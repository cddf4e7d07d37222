import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { Attribute } from './native.ts'
import { dataType } from './proto.ts'

/** A tensor without its values. */
export interface Outline {
  readonly shape: number[]
  readonly dtype: 'float32' | 'int32' | 'bool'
}

/** What is to be run, as the backend is told. */
export interface Operation {
  readonly op: string
  readonly attributes: readonly Attribute[]
  readonly inputs: readonly Tensor[]
  /** An input's values, where it says a shape or axes; null where they are computed. */
  readonly integersOf: (input: Tensor) => readonly number[] | null
}

type Rule = (operation: Operation, tf: Tf) => readonly (Outline | null)[]

/**
 * What an operation gives, without running it: the operations that networks, losses and optimizers are made of.
 *
 * @returns Null for an operation that is not known here, or not in this form: only a run tells.
 */
export function outlinesOf(tf: Tf, operation: Operation): readonly Outline[] | null {
  const rule = rules.get(operation.op)
  if (!rule) return null
  const outlines = rule(operation, tf)
  return outlines.every((outline) => outline !== null) ? outlines : null
}

const like = (tensor: Tensor, shape: readonly number[] = tensor.shape): Outline => {
  return { shape: [...shape], dtype: tensor.dtype as Outline['dtype'] }
}

/** As one of the inputs. */
const asInput =
  (place: number): Rule =>
  ({ inputs }) => [like(inputs[place]!)]

/** Of one of the inputs' type, and a shape that another one says. */
const shapedBy =
  (place: number, typed: number): Rule =>
  ({ inputs, integersOf }) => {
    const shape = integersOf(inputs[place]!)
    return [shape && like(inputs[typed]!, shape)]
  }

/** One size may be −1: what the others leave. */
const reshape: Rule = ({ inputs, integersOf }) => {
  const [x, shape] = inputs as [Tensor, Tensor]
  const given = integersOf(shape)
  const others = given?.filter((size) => size !== -1).reduce((product, size) => product * size, 1)
  return [given && like(x, given.map((size) => (size === -1 ? x.size / others! : size)))] // prettier-ignore
}

const broadcast =
  (dtype?: Outline['dtype']): Rule =>
  ({ inputs }, tf) => {
    const [a, b] = inputs as [Tensor, Tensor]
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape)
    return [{ shape, dtype: dtype ?? (a.dtype as Outline['dtype']) }]
  }

const reduce: Rule = ({ inputs, attributes, integersOf }) => {
  const [x, axes] = inputs as [Tensor, Tensor]
  const keeps = valueOf(attributes, 'keep_dims') === true
  const given = integersOf(axes)
  if (!given) return [null]
  const reduced = new Set(given.map((axis) => (axis < 0 ? axis + x.rank : axis)))
  const sizes = x.shape.flatMap((size, axis) => (reduced.has(axis) ? (keeps ? [1] : []) : [size]))
  return [like(x, sizes)]
}

/** Of two filters' kinds: [height, width, in, out], and depthwise [height, width, channels, multiplier]. */
const convolve =
  (channelsOf: (filter: Tensor) => number): Rule =>
  ({ inputs, attributes }) => {
    const [x, filter] = inputs as [Tensor, Tensor]
    const [height, width] = filter.shape as [number, number]
    const sides = slide(x, [height, width], attributes)
    return [sides && like(x, [x.shape[0], ...sides, channelsOf(filter)])]
  }

const pool: Rule = ({ inputs, attributes }) => {
  const [x] = inputs as [Tensor]
  const window = valueOf(attributes, 'ksize') as number[]
  const sides = slide(x, [window[1]!, window[2]!], attributes)
  return [sides && like(x, [x.shape[0], ...sides, x.shape[3]!])]
}

/**
 * Height and width that a window gives which slides over a map; null where it does so in another way than is known here.
 *
 * @see https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
 */
function slide(x: Tensor, window: readonly number[], attributes: readonly Attribute[]): [number, number] | null {
  const strides = valueOf(attributes, 'strides') as number[]
  const dilations = (valueOf(attributes, 'dilations') as number[] | undefined) ?? [1, 1, 1, 1]
  const padding = valueOf(attributes, 'padding')
  const layout = valueOf(attributes, 'data_format') ?? 'NHWC'
  if (x.rank !== 4 || layout !== 'NHWC' || (padding !== 'SAME' && padding !== 'VALID')) return null
  const side = (axis: number) => {
    const covered = padding === 'SAME' ? 0 : (window[axis - 1]! - 1) * dilations[axis]!
    return Math.ceil((x.shape[axis]! - covered) / strides[axis]!)
  }
  return [side(1), side(2)]
}

const multiply: Rule = ({ inputs, attributes }, tf) => {
  const [a, b] = inputs as [Tensor, Tensor]
  const isTurned = (names: readonly string[]) => names.some((name) => valueOf(attributes, name) === true)
  const rows = a.shape.at(isTurned(['adj_x', 'transpose_a']) ? -1 : -2)!
  const columns = b.shape.at(isTurned(['adj_y', 'transpose_b']) ? -2 : -1)!
  const batches = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  return [like(a, [...batches, rows, columns])]
}

const pad: Rule = ({ inputs, integersOf }) => {
  const [x, paddings] = inputs as [Tensor, Tensor]
  const given = integersOf(paddings)
  return [given && like(x, x.shape.map((size, axis) => given[2 * axis]! + size + given[2 * axis + 1]!))] // prettier-ignore
}

const tile: Rule = ({ inputs, integersOf }) => {
  const [x, multiples] = inputs as [Tensor, Tensor]
  const given = integersOf(multiples)
  return [given && like(x, x.shape.map((size, axis) => size * given[axis]!))] // prettier-ignore
}

const transpose: Rule = ({ inputs, integersOf }) => {
  const [x, order] = inputs as [Tensor, Tensor]
  const given = integersOf(order)
  return [given && like(x, given.map((axis) => x.shape[axis]!))] // prettier-ignore
}

const concatenate: Rule = ({ inputs, integersOf }) => {
  const parts = inputs.slice(0, -1)
  const given = integersOf(inputs.at(-1)!)
  if (!given) return [null]
  const shape = [...parts[0]!.shape]
  const axis = given[0]! < 0 ? given[0]! + shape.length : given[0]!
  shape[axis] = parts.reduce((size, part) => size + part.shape[axis]!, 0)
  return [like(parts[0]!, shape)]
}

const pack: Rule = ({ inputs, attributes }) => {
  const axis = valueOf(attributes, 'axis') as number
  return [like(inputs[0]!, inputs[0]!.shape.toSpliced(axis, 0, inputs.length))]
}

const unpack: Rule = ({ inputs, attributes }) => {
  const [x] = inputs as [Tensor]
  const axis = valueOf(attributes, 'axis') as number
  return Array.from({ length: x.shape[axis]! }, () => like(x, x.shape.toSpliced(axis, 1)))
}

const cast: Rule = ({ inputs, attributes }) => {
  const dtype = dtypes.get(valueOf(attributes, 'DstT') as number)
  return [dtype === undefined ? null : { shape: inputs[0]!.shape, dtype }]
}

const split: Rule = ({ inputs, integersOf }) => {
  const [x, sizes, axis] = inputs as [Tensor, Tensor, Tensor]
  const [given, along] = [integersOf(sizes), integersOf(axis)?.[0]]
  return given && along !== undefined ? given.map((size) => like(x, x.shape.with(along, size))) : [null]
}

const draw: Rule = ({ inputs, integersOf }) => {
  const shape = integersOf(inputs[0]!)
  return [shape && { shape: [...shape], dtype: 'float32' }]
}

/** y, mean, variance, mean and variance for the gradient, and one of the device's own. */
const batchNorm: Rule = ({ inputs }) => {
  const [x, scale] = inputs as [Tensor, Tensor]
  return [like(x), ...Array.from({ length: 4 }, () => like(scale)), like(scale, [0])]
}

/** Of gathered statistics. */
const batchNormBefore: Rule = (operation, tf) => batchNorm(operation, tf).slice(0, 5)

const batchNormGradient: Rule = ({ inputs }) => {
  const [dy, , scale] = inputs as [Tensor, Tensor, Tensor]
  return [like(dy), like(scale), like(scale), like(scale, []), like(scale, [])]
}

const dtypes = new Map((['float32', 'int32', 'bool'] as const).map((dtype) => [dataType[dtype] as number, dtype]))

function valueOf(attributes: readonly Attribute[], wanted: string): unknown {
  return attributes.find(({ name }) => name === wanted)?.value
}

const perValue = 'Abs Elu Exp Expm1 Floor Log Log1p LogSoftmax Neg Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Softmax Softplus Sqrt Square Tanh' // prettier-ignore
const ofTwo = 'Add AddV2 Div FloorDiv Maximum Minimum Mul Pow RealDiv SquaredDifference Sub'
const comparisons = 'Equal Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr NotEqual'
const reductions = 'All Any Max Mean Min Prod Sum'
const each = (names: string, rule: Rule) => names.split(' ').map((name) => [name, rule] as const)

const rules: ReadonlyMap<string, Rule> = new Map([
  ...each(perValue, asInput(0)),
  ...each('ReluGrad Relu6Grad EluGrad SeluGrad AddN LogicalNot BiasAdd MaxPoolGrad OnesLike ZerosLike', asInput(0)),
  ...each(ofTwo, broadcast()),
  ...each(comparisons, broadcast('bool')),
  ...each('IsFinite IsInf IsNan', ({ inputs }) => [{ ...like(inputs[0]!), dtype: 'bool' }]),
  ['L2Loss', ({ inputs }) => [like(inputs[0]!, [])]],
  ['Select', asInput(1)],
  ...each(reductions, reduce),
  ['Reshape', reshape],
  ['Slice', shapedBy(2, 0)],
  ['Conv2D', convolve(({ shape }) => shape[3]!)],
  ['Conv2DBackpropInput', shapedBy(0, 2)],
  ['Conv2DBackpropFilter', shapedBy(1, 0)],
  ['DepthwiseConv2dNative', convolve(({ shape }) => shape[2]! * shape[3]!)],
  ['DepthwiseConv2dNativeBackpropInput', shapedBy(0, 2)],
  ['DepthwiseConv2dNativeBackpropFilter', shapedBy(1, 0)],
  ...each('AvgPool MaxPool', pool),
  ['AvgPoolGrad', shapedBy(0, 1)],
  ...each('BatchMatMulV2 MatMul', multiply),
  ...each('Pad PadV2', pad),
  ['Tile', tile],
  ['Transpose', transpose],
  ['ConcatV2', concatenate],
  ['Pack', pack],
  ['Unpack', unpack],
  ['Cast', cast],
  ['SplitV', split],
  ['StatelessRandomUniform', draw],
  ['FusedBatchNorm', batchNormBefore],
  ['FusedBatchNormV3', batchNorm],
  ['FusedBatchNormGradV3', batchNormGradient],
])
