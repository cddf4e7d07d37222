/**
 * The part of protobuf's wire format, and of TensorFlow's messages in it, that a saved graph is written with.
 *
 * @see https://protobuf.dev/programming-guides/encoding
 * @see tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto and core/protobuf/{saved_model,
 *   meta_graph}.proto for the numbers of the fields
 */

/** TensorFlow's numbers of its types. */
export const dataType = { float32: 1, int32: 3, uint8: 4, bool: 10, bfloat16: 14, float16: 19 } as const
/** Those of tensors outside of graphs. */
export type DataType = Exclude<keyof typeof dataType, 'bfloat16' | 'float16'>

export interface GraphNode {
  readonly name: string
  readonly op: string
  /** `node`, `node:output`, or `^node` for one that must have run before. */
  readonly inputs: readonly string[]
  /** Written by `attrValue`. */
  readonly attributes: Readonly<Record<string, Uint8Array>>
}

/** Format version of graphs, of early 2023; the operations used here have not changed since long before. */
const GRAPH_VERSION = 1395
/** What a loader asks for to get the graph. */
export const SERVE_TAG = 'serve'

const VARINT = 0
const LENGTH = 2
const FIXED32 = 5

/** Most numbers of a graph are field numbers, lengths and sizes below 128: a graph of thousands of nodes has them by the 100,000. */
const ofOneByte = Array.from({ length: 128 }, (_, value) => Uint8Array.of(value))

/** Negative numbers are written as 64 bits, two's complement. */
function varint(value: number): Uint8Array {
  const known = ofOneByte[value]
  if (known) return known
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Uint8Array.from([...bytes, Number(rest)])
}

const key = (field: number, wireType: number) => varint((field << 3) | wireType)
const integer = (field: number, value: number) => concat([key(field, VARINT), varint(value)])
const message = (field: number, body: Uint8Array) => concat([key(field, LENGTH), varint(body.length), body])
const text = (field: number, value: string) => message(field, Buffer.from(value))

function float(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return concat([key(field, FIXED32), bytes])
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

function shapeProto(shape: readonly number[]): Uint8Array {
  return concat(shape.map((size) => message(2, integer(1, size))))
}

/** @param content The values, little-endian. */
function tensorProto(type: DataType, shape: readonly number[], content: Uint8Array): Uint8Array {
  return concat([integer(1, dataType[type]), message(2, shapeProto(shape)), message(4, content)])
}

const list = (items: readonly Uint8Array[]) => message(1, concat(items))

/** Attributes of a node. */
export const attrValue = {
  string: (value: string) => text(2, value),
  integer: (value: number) => integer(3, value),
  integers: (values: readonly number[]) => list(values.map((value) => integer(3, value))),
  float: (value: number) => float(4, value),
  floats: (values: readonly number[]) => list(values.map((value) => float(4, value))),
  bool: (value: boolean) => integer(5, value ? 1 : 0),
  /** @param type A number of `dataType`, or another of TensorFlow's. */
  type: (type: number) => integer(6, type),
  shape: (shape: readonly number[]) => message(7, shapeProto(shape)),
  tensor: (type: DataType, shape: readonly number[], content: Uint8Array) =>
    message(8, tensorProto(type, shape, content)),
}

function nodeDef({ name, op, inputs, attributes }: GraphNode): Uint8Array {
  const entries = Object.entries(attributes)
  return concat([
    text(1, name),
    text(2, op),
    ...inputs.map((input) => text(3, input)),
    ...entries.map(([attribute, value]) => message(5, concat([text(1, attribute), message(2, value)]))),
  ])
}

/** What a saved model takes or gives: a node's first output, and its shape, in which -1 stands for any size. */
export interface SignatureTensor {
  readonly name: string
  readonly node: string
  readonly type: DataType
  readonly shape: readonly number[]
}

/** What whoever does not know a graph's nodes calls it by. */
export interface SavedSignature {
  readonly inputs: readonly SignatureTensor[]
  readonly outputs: readonly SignatureTensor[]
}

/** The name and the kind that loaders look for. */
const SIGNATURE_NAME = 'serving_default'
const PREDICT_METHOD = 'tensorflow/serving/predict'

function signatureDef({ inputs, outputs }: SavedSignature): Uint8Array {
  const info = ({ node, type, shape }: SignatureTensor) =>
    concat([text(1, `${node}:0`), integer(2, dataType[type]), message(3, shapeProto(shape))])
  const entries = (field: number, tensors: readonly SignatureTensor[]) =>
    tensors.map((tensor) => message(field, concat([text(1, tensor.name), message(2, info(tensor))])))
  return concat([...entries(1, inputs), ...entries(2, outputs), text(3, PREDICT_METHOD)])
}

/**
 * A saved model that holds this graph and no variables: they are restored, or constants. Without a signature whoever
 * runs it knows the names of its nodes.
 */
export function savedModel(nodes: readonly GraphNode[], signature?: SavedSignature): Uint8Array {
  const versions = message(4, integer(1, GRAPH_VERSION))
  const graph = concat([...nodes.map((node) => message(1, nodeDef(node))), versions])
  const named = signature ? [message(5, concat([text(1, SIGNATURE_NAME), message(2, signatureDef(signature))]))] : []
  const metaGraph = concat([message(1, text(4, SERVE_TAG)), message(2, graph), ...named])
  const schemaVersion = integer(1, 1)
  return concat([schemaVersion, message(2, metaGraph)])
}
