import type { Tensor } from '@tensorflow/tfjs'
import type { GraphBuilder } from './builder.ts'
import { convolutionProducts, zerosBefore } from './convolution-products.ts'
import type { Axis, Convolution, Operand, Role, Shape } from './convolution-products.ts'
import type { Attribute } from './native.ts'
import type { ComputeDtype } from './program.ts'
import type { GraphNode } from './proto.ts'

/**
 * Maps of at most so many places are convolved by products. TensorFlow's convolutions of them spend most of their time on
 * bringing the filter into an order of their own and on places beside the map: for 2 × 2 places and 512 channels, products
 * take 0.6 of the time in float32 and 0.4 in bfloat16. For 4 × 4 they take longer.
 */
const PLACES_BY_PRODUCTS = 4

/** Of larger maps a filter that leaves few places has too many places of its own: each takes a product, and a map to add to. */
const PLACES_SEEN_BY_PRODUCTS = 16

/** For maps of at most so many places a filter's gradient takes longer in a smaller type than in float32. */
const PLACES_IN_FLOAT32 = 16

/** What is to be recorded: the node it would be, and what the backend was told. */
export interface Recording {
  readonly node: Omit<GraphNode, 'name'>
  readonly attributes: readonly Attribute[]
  readonly inputs: readonly Tensor[]
  /** The first of what it gives. Only its shape is known. */
  readonly output: Tensor
}

interface Graphs {
  /** Where matrix products compute in `dtype`. */
  readonly graph: GraphBuilder
  readonly dtype: ComputeDtype
  /** The same graph, where they compute in float32. */
  readonly float32: GraphBuilder
}

/**
 * Convolutions and their gradients, in ways in which a CPU computes them sooner than by TensorFlow's operation for them, or
 * can compute them at all:
 *
 * - filters of one place, and small maps, as matrix products;
 * - in smaller types, gradients of the filters of small maps in float32;
 * - and those of filters with places that see nothing of a map: in bfloat16 oneDNN leaves there what was in memory before,
 *   where it strides over a map of one column;
 * - in float16, all that is in groups in float32, as oneDNN has no gradients for it.
 *
 * @returns Adds the nodes for an operation and gives the last one's name; null where it is best as it is.
 */
export function cpuConvolutions({ graph, dtype, float32 }: Graphs): (recording: Recording) => string | null {
  const products = convolutionProducts(graph, dtype)
  return (recording) => {
    const convolution = convolutionOf(recording)
    if (!convolution) return null
    const { wanted, x, filter, y, isDense, hasBlindPlaces } = convolution
    const { op, inputs, attributes } = recording.node
    const isInGroups = x.shape[3] !== filter.shape[2]
    const isPointwise = filter.shape[0] * filter.shape[1] === 1
    const [seen, places] = [placesOf(x), placesOf(y)]
    const isSmall = places <= PLACES_BY_PRODUCTS && seen <= PLACES_SEEN_BY_PRODUCTS
    if (isDense && !isInGroups && (isPointwise || isSmall)) return products(convolution)
    const isSlow = !isInGroups && places <= PLACES_IN_FLOAT32
    const isInFloat32 = (wanted === 'filter' && (isSlow || hasBlindPlaces)) || (isInGroups && dtype === 'float16')
    return isInFloat32 ? float32.add(op, inputs, attributes) : null
  }
}

/** What operations take and give, of y = x ∗ filter. */
const ROLES: Readonly<Record<string, { readonly takes: readonly (Role | 'shape')[]; readonly gives: Role }>> = {
  Conv2D: { takes: ['x', 'filter'], gives: 'y' },
  Conv2DBackpropInput: { takes: ['shape', 'filter', 'y'], gives: 'x' },
  Conv2DBackpropFilter: { takes: ['x', 'shape', 'y'], gives: 'filter' },
}

function placesOf({ shape: [, height, width] }: Operand): number {
  return height * width
}

interface FoundConvolution extends Convolution {
  /** The filter is laid on every place of the map, without gaps. */
  readonly isDense: boolean
  /** Some places of the filter see nothing but the zeros around the map, wherever it is laid. */
  readonly hasBlindPlaces: boolean
}

/** Null for what is no convolution, or one of maps that have their channels first. */
function convolutionOf({ node, attributes, inputs, output }: Recording): FoundConvolution | null {
  const roles = ROLES[node.op]
  const valueOf = (name: string) => attributes.find((attribute) => attribute.name === name)?.value
  if (!roles || valueOf('data_format') === 'NCHW') return null
  const operand = (role: Role): Operand => {
    const place = roles.takes.indexOf(role)
    const { shape } = inputs[place] ?? output
    return { shape: shape as unknown as Shape, node: node.inputs[place] ?? '' }
  }
  const [padding, strides, dilations] = ['padding', 'strides', 'dilations'].map(valueOf)
  const [x, filter, y] = [operand('x'), operand('filter'), operand('y')]
  const isExplicit = padding === 'EXPLICIT'
  const isBlindAlong = (axis: 1 | 2) =>
    hasBlindEnd({ size: filter.shape[axis - 1]!, inputs: x.shape[axis], outputs: y.shape[axis], stride: (strides as number[])[axis]! }) // prettier-ignore
  return {
    wanted: roles.gives,
    x,
    filter,
    y,
    isDense: !isExplicit && [strides, dilations].flat().every((step) => step === 1),
    hasBlindPlaces: !isExplicit && (isBlindAlong(1) || isBlindAlong(2)),
  }
}

/** Whether a filter's first or last place sees nothing of a map along an axis. */
function hasBlindEnd(axis: Axis): boolean {
  const before = zerosBefore(axis)
  return before > (axis.outputs - 1) * axis.stride || axis.size - 1 - before >= axis.inputs
}
