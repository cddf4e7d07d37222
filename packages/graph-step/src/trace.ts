import type { DataId, Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { isOnGpu } from '@baton/tensorflow'
import type { GraphBuilder } from './builder.ts'
import { createBuilder } from './builder.ts'
import { castMatrixOps } from './cast-matrix-ops.ts'
import { cpuConvolutions } from './cpu-convolutions.ts'
import type { NodeBackend } from './native.ts'
import type { Feeds, InputSpec, Outputs, Signature, StateEntry } from './program.ts'
import type { DataType, GraphNode } from './proto.ts'
import { attrValue, dataType } from './proto.ts'
import { copyTensor } from './read-tensor.ts'
import { createRecorder, Untraceable } from './record.ts'
import type { StateUpdate } from './record.ts'

/** A signature as a graph, for feeds of one shape. Nodes are given by name. */
export interface Trace {
  readonly graph: GraphBuilder
  readonly inputs: readonly { readonly name: string; readonly node: string; readonly dtype: InputSpec['dtype'] }[]
  readonly outputs: readonly { readonly name: string; readonly node: string }[]
}

export interface TraceInput {
  readonly signature: Signature
  readonly state: readonly StateEntry[]
  /** Their shapes are those the graph is for; their values play no part. What is `uint8` is given as int32. */
  readonly feeds: Feeds
  /**
   * Feeds of other sizes, where the signature takes any: the graph is then for all of them, and a signature whose graph
   * depends on the size is refused.
   */
  readonly otherFeeds?: Feeds
  /** Of the names of the graph's nodes. */
  readonly prefix?: string
  /** As in `ProgramSpec`. Default false. */
  readonly trusted?: boolean
}

/**
 * Runs a signature and writes down all that TensorFlow computes for it, gradients and assignments too. The state is
 * afterwards as it was.
 *
 * What it trusts it does not compute: the graph follows from shapes. All else it runs twice: where the graphs differ in a
 * byte, something besides feeds and state went in, a counter or a clock say, and a graph would freeze it.
 *
 * @throws {Untraceable} saying why this signature cannot become a graph
 * @throws whatever the signature itself throws
 */
export function trace(tf: Tf, backend: NodeBackend, input: TraceInput): Trace {
  const first = traceOnce(tf, backend, input)
  if (input.trusted) return first
  const second = traceOnce(tf, backend, { ...input, feeds: input.otherFeeds ?? input.feeds })
  if (Buffer.compare(first.graph.toBytes(), second.graph.toBytes()) !== 0) {
    const size = input.otherFeeds ? ' or the size of its feeds' : ''
    throw new Untraceable(`it computes something else each time, from values that are neither feeds nor state${size}`)
  }
  return first
}

function traceOnce(tf: Tf, backend: NodeBackend, input: TraceInput): Trace {
  const before = input.state.map(({ variable }) => variable.clone())
  let traced: Trace
  try {
    tf.tidy(() => {
      unalias(tf, input.state)
      traced = recordRun(tf, backend, input)
    })
  } finally {
    input.state.forEach(({ variable }, i) => variable.assign(before[i]!))
    tf.dispose(before)
  }
  return traced!
}

/** Two variables may stand on one tensor, a copy of weights that was cloned from them say; a graph must tell them apart. */
function unalias(tf: Tf, state: readonly StateEntry[]): void {
  const seen = new Set<DataId>()
  for (const { variable } of state) {
    if (seen.has(variable.dataId)) variable.assign(copyTensor<Tensor>(tf, variable))
    seen.add(variable.dataId)
  }
}

function recordRun(tf: Tf, backend: NodeBackend, input: TraceInput): Trace {
  const { signature, state, feeds, otherFeeds, prefix, trusted = false } = input
  const { computeDtype: dtype = 'float32' } = signature
  const float32 = createBuilder(prefix)
  const graph = castMatrixOps(float32, dtype)
  const variables = graphVariables(graph, state)
  const recorder = createRecorder({
    tf,
    backend,
    graph,
    // What is for any size is run elsewhere, on who knows what.
    rewrite: otherFeeds || isOnGpu(tf) ? () => null : cpuConvolutions({ graph, dtype, float32 }),
    readState: variables.read,
    updateState: variables.update,
    anyRows: otherFeeds !== undefined,
    outlineOnly: trusted,
  })
  const given: Record<string, Tensor> = {}
  const inputs = Object.entries(signature.inputs).map(([name, { dtype, shape }]) => {
    // A copy, as a feed may stand on the same tensor as another feed or as state.
    given[name] = copyTensor(tf, feeds[name]!)
    const node = addPlaceholder(graph, dtype, otherFeeds ? shape.map((size) => size ?? -1) : given[name].shape)
    if (dtype === 'uint8') recorder.takeBytes(given[name], node)
    else recorder.refs.set(given[name].dataId, node)
    return { name, node, dtype }
  })
  const results = recorder.watch(() => signature.run(given))
  const refOf = (tensor: Tensor, what: string): string => {
    const ref = recorder.refs.get(tensor.dataId) ?? variables.read(tensor.dataId)
    if (ref === null) throw new Untraceable(`${what} is not computed from feeds and state`)
    return ref
  }
  const writers = variables.finish(({ name, variable }) => refOf(variable, `the new value of ${name}`))
  const outputs = addOutputs(graph, results, writers, (tensor, name) => refOf(tensor, `its output ${name}`))
  // As who runs it would: one may have been kept, and outlive the tidy around this.
  for (const output of Object.values(results)) output.dispose()
  return { graph, inputs, outputs }
}

function addPlaceholder(graph: GraphBuilder, dtype: DataType, shape: readonly number[]): string {
  return graph.add('Placeholder', [], { dtype: attrValue.type(dataType[dtype]), shape: attrValue.shape(shape) })
}

/** Every output waits for all that writes state: a session computes only what is asked for. */
function addOutputs(
  graph: GraphBuilder,
  results: Outputs,
  writers: readonly string[],
  refOf: (tensor: Tensor, name: string) => string,
): Trace['outputs'] {
  const waits = writers.map((writer) => `^${writer}`)
  return Object.entries(results).map(([name, tensor]) => {
    const T = attrValue.type(dataType[tensor.dtype as DataType])
    return { name, node: graph.add('Identity', [refOf(tensor, name), ...waits], { T }) }
  })
}

/** What a variable holds from one write of it to the next, in a graph. */
interface Held {
  readonly dataId: DataId
  /** The node that wrote it; null for what is there at first. */
  readonly writer: string | null
  /** The node that reads it, once there is one. */
  reader: string | null
  /** The node that writes over it, once there is one. */
  successor: string | null
}

/**
 * The program's variables in a graph. Each appears once it is read or written; what it holds from one write to the next is
 * read once, after the one and before the other.
 */
function graphVariables(graph: GraphBuilder, state: readonly StateEntry[]) {
  const entryOf = new Map(state.map((entry) => [entry.variable, entry]))
  const placeOf = new Map(state.map((entry, place) => [entry, place]))
  const handles = new Map<StateEntry, string>()
  /** All that nothing but a variable holds, and whose. */
  const known = new Map<DataId, { entry: StateEntry; held: Held }>()
  const now = new Map<StateEntry, Held>()
  const hold = (entry: StateEntry, writer: string | null): Held => {
    const held: Held = { dataId: entry.variable.dataId, writer, reader: null, successor: null }
    now.set(entry, held)
    return held
  }
  for (const entry of state) known.set(entry.variable.dataId, { entry, held: hold(entry, null) })
  const handleOf = (entry: StateEntry): string => {
    const handle = handles.get(entry) ?? addHandle(graph, entry, placeOf.get(entry)!)
    handles.set(entry, handle)
    return handle
  }
  const waitFor = (nodes: readonly (string | null)[]) =>
    [...new Set(nodes)].flatMap((node) => (node === null ? [] : [`^${node}`]))
  const read = (dataId: DataId): string | null => {
    const found = known.get(dataId)
    if (!found) return null
    const { entry, held } = found
    if (held.reader !== null) return held.reader
    const inputs = [handleOf(entry), ...waitFor([held.writer])]
    held.reader = graph.add('ReadVariableOp', inputs, { dtype: typeOf(entry) })
    if (held.successor !== null) graph.wait(held.successor, held.reader)
    return held.reader
  }
  /** What ends the use of a value: until then TensorFlow would copy a variable that is updated in place. */
  const endOf = ({ reader, writer }: Held): readonly (string | null)[] => {
    if (reader === null) return [writer]
    const users = graph.usersOf(reader)
    return users.length > 0 ? users : [reader]
  }
  const write = (entries: readonly StateEntry[], { op, inputs, attributes }: Omit<GraphNode, 'name'>): string => {
    const before = entries.map((entry) => now.get(entry)!)
    const waits = waitFor(before.flatMap(endOf))
    const writer = graph.add(op, [...entries.map(handleOf), ...inputs, ...waits], attributes)
    for (const held of before) held.successor = writer
    return writer
  }
  /** Writes what the run has assigned to a variable since the graph last did. */
  const settle = (entry: StateEntry, refOf: (tensor: Tensor) => string): void => {
    if (entry.variable.dataId === now.get(entry)!.dataId) return
    const attributes = { dtype: typeOf(entry) }
    hold(entry, write([entry], { op: 'AssignVariableOp', inputs: [refOf(entry.variable)], attributes }))
  }
  return {
    /** @returns Null for a tensor that no variable stands on, or that is known without it. */
    read,
    update: ({ variables, nextOf, refOf, ...node }: StateUpdate): void => {
      const entries = variables.map((variable) => entryOf.get(variable)!)
      for (const entry of entries) settle(entry, refOf)
      const writer = write(entries, node)
      for (const entry of entries) {
        entry.variable.assign(nextOf(entry.variable))
        known.set(entry.variable.dataId, { entry, held: hold(entry, writer) })
      }
    },
    /** Writes all that the run has left. @returns The nodes that wrote last. */
    finish: (refOf: (entry: StateEntry) => string): string[] => {
      for (const entry of state) settle(entry, () => refOf(entry))
      const writers = state.map((entry) => now.get(entry)!.writer)
      return [...new Set(writers)].filter((writer) => writer !== null)
    },
  }
}

/**
 * A node for a variable of a program; those of one session that are made for one place are one variable.
 *
 * @param place In the program's state.
 */
export function addHandle(graph: GraphBuilder, entry: StateEntry, place: number): string {
  return graph.add('VarHandleOp', [], {
    dtype: typeOf(entry),
    shape: attrValue.shape(entry.variable.shape),
    shared_name: attrValue.string(`variable_${place}`),
  })
}

/** The dtype of a variable, as an attribute. */
export function typeOf({ variable }: StateEntry): Uint8Array {
  return attrValue.type(dataType[variable.dtype as DataType])
}
