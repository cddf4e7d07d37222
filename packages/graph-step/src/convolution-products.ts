import type { GraphBuilder } from './builder.ts'
import { bytesOf } from './builder.ts'
import type { ComputeDtype } from './program.ts'
import type { GraphNode } from './proto.ts'
import { attrValue, dataType } from './proto.ts'

/** [batch, height, width, channels], or of a filter [height, width, inputs, outputs]. */
export type Shape = readonly [number, number, number, number]

/** In y = x ∗ filter. */
export type Role = 'x' | 'filter' | 'y'

export interface Operand {
  readonly shape: Shape
  /** Empty for what is wanted. */
  readonly node: string
}

/** A convolution whose filter goes from place to place, or a gradient of one. */
export interface Convolution extends Readonly<Record<Role, Operand>> {
  /** y, or what the gradient is for. */
  readonly wanted: Role
}

/**
 * A convolution as matrix products, one for each place of the filter. With W the [inputs, outputs] matrix there, X what it
 * sees of the input and Y where that goes in the output, of a row a place of the map:
 *
 *   Y += X W      dX += dY Wᵀ      dW = Xᵀ dY
 *
 * @returns Adds the nodes and gives the last one's name.
 */
export function convolutionProducts(graph: GraphBuilder, dtype: ComputeDtype): (convolution: Convolution) => string {
  const nodes = matrixNodes(graph)
  return (convolution) => {
    const { x, filter, y } = convolution
    const [height, width, inputs, outputs] = filter.shape
    const taps = tapsOf(convolution)
    const seeing = taps.filter((tap) => tap.x.height > 0 && tap.x.width > 0)
    const seen = (tap: Tap) => nodes.rows(x, tap.x)
    const given = (tap: Tap) => nodes.rows(y, tap.y)
    const matrices = () => nodes.reshaped(filter.node, [height * width, inputs, outputs])
    const weights = (tap: Tap) =>
      taps.length === 1
        ? nodes.reshaped(filter.node, [inputs, outputs])
        : nodes.matrix(matrices(), tap.index, [inputs, outputs])
    // A product of few rows takes a matrix of float32 as it lies much sooner than turned.
    const turns = dtype === 'float32' && seeing.length > 1
    const turned = (tap: Tap) => nodes.matrix(nodes.turned(matrices()), tap.index, [outputs, inputs])
    const backwards = (tap: Tap) =>
      turns ? nodes.product(given(tap), turned(tap)) : nodes.product(given(tap), weights(tap), 'right')
    const gradient = (tap: Tap) =>
      seeing.includes(tap) ? nodes.product(seen(tap), given(tap), 'left') : nodes.zeros([inputs, outputs])
    const ways: Readonly<Record<Role, () => string>> = {
      y: () => nodes.sum(seeing.map((tap) => nodes.placed(nodes.product(seen(tap), weights(tap)), tap.y, y.shape))),
      x: () => nodes.sum(seeing.map((tap) => nodes.placed(backwards(tap), tap.x, x.shape))),
      filter: () => nodes.reshaped(nodes.stack(taps.map(gradient)), filter.shape),
    }
    return ways[convolution.wanted]()
  }
}

/** Part of a map. */
interface Window {
  readonly row: number
  readonly column: number
  readonly height: number
  readonly width: number
}

/** One place of a filter: what it sees of the input, and where that goes in the output. */
interface Tap {
  readonly index: number
  readonly x: Window
  readonly y: Window
}

/** Along one axis of a convolution. */
export interface Axis {
  /** Of the filter. */
  readonly size: number
  readonly inputs: number
  readonly outputs: number
  readonly stride: number
}

/** Zeros before the first input: as many as the outputs need around the inputs, half of them, rounded down. */
export function zerosBefore({ size, inputs, outputs, stride }: Axis): number {
  return Math.floor(Math.max(0, (outputs - 1) * stride + size - inputs) / 2)
}

/** Row by row. */
function tapsOf({ x, filter, y }: Convolution): Tap[] {
  const spansOf = (axis: 1 | 2, size: number) => {
    const before = zerosBefore({ size, inputs: x.shape[axis], outputs: y.shape[axis], stride: 1 })
    return Array.from({ length: size }, (_, place) => spanOf(place - before, x.shape[axis], y.shape[axis]))
  }
  const columns = spansOf(2, filter.shape[1])
  return spansOf(1, filter.shape[0])
    .flatMap((row) => columns.map((column) => [row, column] as const))
    .map(([row, column], index) => {
      const size = { height: row.size, width: column.size }
      return { index, x: { row: row.x, column: column.x, ...size }, y: { row: row.y, column: column.y, ...size } }
    })
}

/** Along one axis, the outputs that see an input so far ahead of them: the first of each, and how many. */
function spanOf(shift: number, inputs: number, outputs: number): { x: number; y: number; size: number } {
  const y = Math.max(0, -shift)
  return { x: y + shift, y, size: Math.min(outputs, inputs - shift) - y }
}

const T = attrValue.type(dataType.float32)
const int32 = attrValue.type(dataType.int32)

/** Nodes of float32. What looks at a part of something is made once: a gradient looks at what the convolution has. */
function matrixNodes(graph: GraphBuilder) {
  const views = new Map<string, string>()
  const view = (op: string, inputs: readonly string[], attributes: GraphNode['attributes']): string => {
    const key = [op, ...inputs].join(' ')
    const node = views.get(key) ?? graph.add(op, inputs, attributes)
    views.set(key, node)
    return node
  }
  const integers = (shape: readonly number[], values: readonly number[]) =>
    graph.constant('int32', shape, bytesOf(Int32Array.from(values)))
  const list = (values: readonly number[]) => integers([values.length], values)
  const zero = () => graph.constant('float32', [], new Uint8Array(4))
  const zeros = (shape: readonly number[]) => view('Fill', [list(shape), zero()], { T, index_type: int32 })
  const reshaped = (node: string, shape: readonly number[]) =>
    view('Reshape', [node, list(shape)], { T, Tshape: int32 })
  const part = (node: string, begin: readonly number[], size: readonly number[]) =>
    view('Slice', [node, list(begin), list(size)], { T, Index: int32 })
  const isWhole = ({ height, width }: Window, shape: Shape) => height === shape[1] && width === shape[2]
  const several = (op: string, parts: readonly string[], attributes: GraphNode['attributes']) =>
    parts.length === 1 ? parts[0]! : graph.add(op, parts, { T, N: attrValue.integer(parts.length), ...attributes })
  return {
    reshaped,
    zeros,
    /** Part of a map as a matrix, a row a place. */
    rows({ node, shape }: Operand, window: Window): string {
      const [batch, , , channels] = shape
      const { row, column, height, width } = window
      const seen = () => part(node, [0, row, column, 0], [batch, height, width, channels])
      return reshaped(isWhole(window, shape) ? node : seen(), [-1, channels])
    },
    /** One of a stack of matrices. */
    matrix: (stack: string, index: number, shape: readonly [number, number]): string =>
      reshaped(part(stack, [index, 0, 0], [1, ...shape]), shape),
    /** Each of a stack of matrices. */
    turned: (stack: string): string => view('Transpose', [stack, list([0, 2, 1])], { T, Tperm: int32 }),
    /** A matrix of a row a place as part of a map, among zeros. */
    placed(matrix: string, window: Window, [batch, height, width, channels]: Shape): string {
      const map = reshaped(matrix, [batch, window.height, window.width, channels])
      if (isWhole(window, [batch, height, width, channels])) return map
      const { row, column } = window
      const around = [0, 0, row, height - row - window.height, column, width - column - window.width, 0, 0]
      return graph.add('PadV2', [map, integers([4, 2], around), zero()], { T, Tpaddings: int32 })
    },
    /** @param turned Which of the two is turned first. */
    product: (a: string, b: string, turned?: 'left' | 'right'): string =>
      graph.add('MatMul', [a, b], { T, transpose_a: attrValue.bool(turned === 'left'), transpose_b: attrValue.bool(turned === 'right') }), // prettier-ignore
    sum: (parts: readonly string[]): string => several('AddN', parts, {}),
    stack: (parts: readonly string[]): string => several('Pack', parts, { axis: attrValue.integer(0) }),
  }
}
