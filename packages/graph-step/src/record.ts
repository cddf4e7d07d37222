import type { DataId, Tensor, TypedArray, Variable } from '@tensorflow/tfjs'
import type { GraphBuilder } from './builder.ts'
import { bytesOf, isSplat } from './builder.ts'
import type { Recording } from './cpu-convolutions.ts'
import type { Tf } from '@baton/tensorflow'
import type { Attribute, NodeBackend } from './native.ts'
import { attributeKind } from './native.ts'
import type { Outline } from './outline.ts'
import { outlinesOf } from './outline.ts'
import type { DataType, GraphNode } from './proto.ts'
import { attrValue, dataType } from './proto.ts'

/** Larger constants that are made within a run are likely meant to change, and would bloat the graph. */
const LARGE_CONSTANT_BYTES = 4096

export interface StateUpdate extends Pick<GraphNode, 'op' | 'attributes'> {
  readonly variables: readonly Variable[]
  /** What the operation takes after the variables. */
  readonly inputs: readonly string[]
  /** A tensor that only the graph knows the values of. */
  readonly nextOf: (variable: Variable) => Tensor
  readonly refOf: (tensor: Tensor) => string
}

/** Says why a run cannot become a graph. */
export class Untraceable extends Error {}

/** Adds to a graph what a backend computes. */
export interface Recorder {
  /** The graph's name for a tensor that is computed in it. */
  readonly refs: WeakMap<DataId, string>
  /** A tensor of int32 that is bytes in the graph: what casts it to another type casts the bytes at once. */
  takeBytes(tensor: Tensor, node: string): void
  /**
   * Runs `body`, with every operation recorded. Whatever cannot be recorded throws `Untraceable`, and once more at the
   * end, should the body have caught it. The backend is as it was when this returns or throws.
   *
   * @throws {Untraceable}
   */
  watch<T>(body: () => T): T
}

export interface RecorderOptions {
  readonly tf: Tf
  readonly backend: NodeBackend
  readonly graph: GraphBuilder
  /** Adds other nodes for an operation than its own, and gives the last one's name; null where it adds none. */
  readonly rewrite: (recording: Recording) => string | null
  /** Gives the graph's name for the value of a variable of the program, null for other tensors. */
  readonly readState: (dataId: DataId) => string | null
  /** Adds an operation that updates variables of the program, and lets each stand on the tensor that `nextOf` gives. */
  readonly updateState: (update: StateUpdate) => void
  /** Leaves out reshapes that change nothing, as TensorFlow.js makes many: they tie a graph to one size. */
  readonly anyRows: boolean
  /**
   * Runs no operation where the shape of what it gives is known without: a step is recorded in a fraction of its time and
   * memory. Tensors have no values then, and what must be run after all is run on zeros.
   */
  readonly outlineOnly: boolean
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { tf, backend, graph, rewrite, readState, updateState, anyRows, outlineOnly } = options
  const refs = new WeakMap<DataId, string>()
  const made = new WeakSet<DataId>()
  const bytes = new WeakMap<DataId, string>()
  let refusal: Untraceable | null = null
  const refuse = (reason: string): never => {
    refusal ??= new Untraceable(reason)
    throw refusal
  }
  const refOf = (tensor: Tensor): string =>
    refs.get(tensor.dataId) ?? widened(tensor.dataId) ?? readState(tensor.dataId) ?? constantOf(tensor)
  const widened = (dataId: DataId): string | null => {
    const node = bytes.get(dataId)
    if (node === undefined) return null
    const types = { SrcT: attrValue.type(dataType.uint8), DstT: attrValue.type(dataType.int32) }
    const ref = graph.add('Cast', [node], types)
    refs.set(dataId, ref)
    return ref
  }
  const constantOf = (tensor: Tensor): string => {
    const { dtype, shape, dataId } = tensor
    if (!(dtype in dataType)) refuse(`it uses a constant of ${dtype}`)
    const content = bytesOf(original.readSync(dataId) as TypedArray)
    if (made.has(dataId) && content.length > LARGE_CONSTANT_BYTES && !isSplat(dtype as DataType, content))
      refuse(`it makes a constant of shape [${shape.join(', ')}] out of JavaScript numbers`)
    return graph.constant(dtype as DataType, shape, content)
  }
  const attributesOf = (attributes: readonly Attribute[]) =>
    Object.fromEntries(
      attributes.map((attribute) => [
        attribute.name,
        encode(attribute) ?? refuse(`it uses an attribute ${attribute.name} of kind ${attribute.type}`),
      ]),
    )
  const addNode = (recording: Recording) => {
    const { op, inputs, attributes } = recording.node
    return rewrite(recording) ?? graph.add(op, inputs, attributes)
  }
  const record = (op: string, attributes: readonly Attribute[], inputs: readonly Tensor[], outputs: Tensor[]) => {
    if (anyRows && op === 'Reshape' && inputs[0]!.shape.join() === outputs[0]!.shape.join())
      return void refs.set(outputs[0]!.dataId, refOf(inputs[0]!))
    const fromBytes = op === 'Cast' ? bytes.get(inputs[0]!.dataId) : undefined
    const name =
      fromBytes === undefined
        ? addNode({
            node: { op, inputs: inputs.map(refOf), attributes: attributesOf(attributes) },
            attributes,
            inputs,
            output: outputs[0]!,
          })
        : graph.add(op, [fromBytes], { ...attributesOf(attributes), SrcT: attrValue.type(dataType.uint8) })
    outputs.forEach(({ dataId }, i) => refs.set(dataId, i === 0 ? name : `${name}:${i}`))
  }
  const original = {
    single: backend.executeSingleOutput.bind(backend),
    multiple: backend.executeMultipleOutputs.bind(backend),
    readSync: backend.readSync.bind(backend),
    write: backend.write.bind(backend),
  }
  /** Computed tensors that have no values. */
  const hollow = new WeakSet<DataId>()
  const hollowTensor = ({ shape, dtype }: Outline): Tensor => {
    const dataId: DataId = {}
    hollow.add(dataId)
    // As tfjs-node keeps a tensor whose values are TensorFlow's, but that TensorFlow has none.
    backend.tensorMap.set(dataId, { shape, dtype: dataType[dtype], values: null, id: -1, refCount: 1 })
    return tf.engine().makeTensorFromDataId(dataId, shape, dtype, backend)
  }
  /** Gives a tensor values that an operation can be run on. */
  const fill = ({ dataId, dtype, size }: Tensor) => {
    const values = tf.util.makeZerosTypedArray(size, dtype)
    backend.tensorMap.set(dataId, { ...backend.tensorMap.get(dataId), values })
    hollow.delete(dataId)
  }
  const integersOf = ({ dataId }: Tensor) =>
    refs.has(dataId) || readState(dataId) !== null ? null : [...(original.readSync(dataId) as TypedArray)]
  /** What an operation gives, without values; null where it is to be run, and can be. */
  const outlined = (op: string, attributes: readonly Attribute[], inputs: readonly Tensor[]): Tensor[] | null => {
    if (!outlineOnly) return null
    const outlines = outlinesOf(tf, { op, attributes, inputs, integersOf })
    if (!outlines) inputs.filter(({ dataId }) => hollow.has(dataId)).forEach(fill)
    return outlines?.map(hollowTensor) ?? null
  }
  const shadows: Partial<NodeBackend> = {
    executeSingleOutput(op, attributes, inputs) {
      const output = outlined(op, attributes, inputs)?.[0] ?? original.single(op, attributes, inputs)
      record(op, attributes, inputs, [output])
      return output
    },
    executeMultipleOutputs(op, attributes, inputs, count) {
      const outputs = outlined(op, attributes, inputs) ?? original.multiple(op, attributes, inputs, count)
      record(op, attributes, inputs, outputs)
      return outputs
    },
    updateInPlace(variables, { op, attributes, inputs }) {
      updateState({
        op,
        attributes: attributesOf(attributes),
        variables,
        inputs: inputs.map(refOf),
        nextOf({ shape, dtype }) {
          const next = hollowTensor({ shape, dtype: dtype as Outline['dtype'] })
          if (!outlineOnly) fill(next)
          return next
        },
        refOf,
      })
    },
    readSync(dataId) {
      if (refs.has(dataId) || bytes.has(dataId) || readState(dataId) !== null) refuse('it reads the values of a tensor')
      return original.readSync(dataId)
    },
    write(...tensor) {
      const dataId = original.write(...tensor)
      made.add(dataId)
      return dataId
    },
  }
  return {
    refs,
    takeBytes: ({ dataId }, node) => void bytes.set(dataId, node),
    watch(body) {
      if (Object.hasOwn(backend, 'executeSingleOutput')) throw new Error('a run is recorded already')
      const { random } = Math
      Object.assign(backend, shadows)
      Math.random = () => refuse('it draws random numbers in JavaScript')
      try {
        const result = body()
        if (refusal) throw refusal
        return result
      } catch (error) {
        throw refusal ?? error
      } finally {
        Math.random = random
        for (const name of Object.keys(shadows)) Reflect.deleteProperty(backend, name)
      }
    },
  }
}

/** An attribute as a graph has it; null for a kind that no operation of TensorFlow.js has. */
function encode({ type, value }: Attribute): Uint8Array | null {
  switch (type) {
    case attributeKind.string:
      return attrValue.string(value as string)
    case attributeKind.integer:
      return Array.isArray(value) ? attrValue.integers(value as number[]) : attrValue.integer(value as number)
    case attributeKind.float:
      return Array.isArray(value) ? attrValue.floats(value as number[]) : attrValue.float(value as number)
    case attributeKind.bool:
      return attrValue.bool(value as boolean)
    case attributeKind.type:
      return attrValue.type(value as number)
    case attributeKind.shape:
      return attrValue.shape(value as number[])
    default:
      return null
  }
}
