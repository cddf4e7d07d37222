import type { DataType, GraphNode, SavedSignature } from './proto.ts'
import { attrValue, dataType, savedModel } from './proto.ts'

/** Below this a constant is written as it is, whatever its values. */
const SMALL_BYTES = 256

/** What these give may be their input's memory. */
const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Slice'])

/**
 * A graph while it grows. Nodes are named by their place, behind the prefix that they have in common, so equal graphs
 * are equal in every byte.
 */
export interface GraphBuilder {
  /** @returns The node's name, which refers to its first output. */
  add(op: string, inputs: readonly string[], attributes?: GraphNode['attributes']): string
  /**
   * A constant; equal ones become one node, and a large one of equal values is filled when it runs.
   *
   * @param content The values, little-endian.
   */
  constant(type: DataType, shape: readonly number[], content: Uint8Array): string
  /** Lets a node wait until another has run. */
  wait(name: string, until: string): void
  /** The nodes so far that take a node's first output, or a view of it. */
  usersOf(name: string): readonly string[]
  readonly nodes: readonly GraphNode[]
  /** The saved model, as a file holds it. */
  toBytes(signature?: SavedSignature): Uint8Array
}

export function createBuilder(prefix = ''): GraphBuilder {
  const nodes: GraphNode[] = []
  const inputsOf = new Map<string, string[]>()
  const users = new Map<string, string[]>()
  const views = new Set<string>()
  const constants = new Map<string, string>()
  const add: GraphBuilder['add'] = (op, inputs, attributes = {}) => {
    const name = `${prefix}${op}_${nodes.length}`
    const own = [...inputs]
    inputsOf.set(name, own)
    for (const input of inputs) {
      const others = users.get(input)
      if (others) others.push(name)
      else users.set(input, [name])
    }
    if (VIEWS.has(op)) views.add(name)
    nodes.push({ name, op, inputs: own, attributes })
    return name
  }
  const constant: GraphBuilder['constant'] = (type, shape, content) => {
    const key = `${type} ${shape.join()} ${Buffer.from(content).toString('latin1')}`
    const name = constants.get(key) ?? addConstant(type, shape, content)
    constants.set(key, name)
    return name
  }
  const addConstant: GraphBuilder['constant'] = (type, shape, content) => {
    const attributes = { dtype: attrValue.type(dataType[type]), value: attrValue.tensor(type, shape, content) }
    if (content.length <= SMALL_BYTES || !isSplat(type, content)) return add('Const', [], attributes)
    const dims = constant('int32', [shape.length], bytesOf(Int32Array.from(shape)))
    const value = constant(type, [], content.subarray(0, widthOf(type)))
    const types = { T: attrValue.type(dataType[type]), index_type: attrValue.type(dataType.int32) }
    return add('Fill', [dims, value], types)
  }
  const usersOf: GraphBuilder['usersOf'] = (name) =>
    (users.get(name) ?? []).flatMap((user) => (views.has(user) ? usersOf(user) : [user]))
  const wait: GraphBuilder['wait'] = (name, until) => void inputsOf.get(name)!.push(`^${until}`)
  return { add, constant, wait, usersOf, nodes, toBytes: (signature) => savedModel(nodes, signature) }
}

/** Whether all values are the same, bit for bit. */
export function isSplat(type: DataType, content: Uint8Array): boolean {
  const width = widthOf(type)
  return content.every((byte, i) => byte === content[i % width])
}

function widthOf(type: DataType): number {
  return type === 'float32' || type === 'int32' ? 4 : 1
}

/** The bytes of an array, which share its memory. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
