import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { GraphBuilder } from './builder.ts'
import { bytesOf, createBuilder } from './builder.ts'
import type { NodeBackend } from './native.ts'
import type { Feeds, Outputs, StateEntry } from './program.ts'
import { attrValue, dataType, savedModel, SERVE_TAG } from './proto.ts'
import type { Trace } from './trace.ts'
import { addHandle, typeOf } from './trace.ts'

/** Traced signatures in TensorFlow, over one set of variables. */
export interface Session {
  /** How many it has. */
  readonly graphs: number
  /** When it fails, the state is not to be used after that. */
  run(key: string, feeds: Feeds): Outputs
  /** Sets all variables, in the order of the state; a session computes only once they are set. The values are copied. */
  restore(values: readonly Tensor[]): void
  /**
   * The values of all variables, in the order of the state. They stand on TensorFlow's own memory: a variable that is assigned to gets other memory,
   * and leaves what was read from it as it is. The caller disposes them.
   */
  dump(): Tensor[]
  dispose(): void
}

/**
 * Loads traces into TensorFlow.
 *
 * The folder that they are read from is its own, as tfjs-node takes a path it has seen for the model it has seen there,
 * and gone once this returns.
 *
 * @param traces By key; the prefixes of their nodes differ.
 */
export function loadSession(
  tf: Tf,
  backend: NodeBackend,
  traces: ReadonlyMap<string, Trace>,
  state: readonly StateEntry[],
): Session {
  const graph = createBuilder('state/')
  const places = state.map((entry, place) => addPlace(graph, entry, place))
  const one = graph.constant('float32', [], bytesOf(Float32Array.of(1)))
  const waits = places.map(({ assign }) => `^${assign}`)
  const restored = graph.add('Identity', [one, ...waits], { T: attrValue.type(dataType.float32) })
  const nodes = [...traces.values()].flatMap((trace) => trace.graph.nodes)
  const id = loadModel(backend, savedModel([...nodes, ...graph.nodes]))
  const output = (node: string) => `${node}:0`
  const given = places.map((place) => ({ name: output(place.given) }))
  const reads = places.map(({ read }) => output(read))
  // Always all: TensorFlow prepares anew for each other list of what it is asked for.
  const dump = () => (state.length === 0 ? [] : backend.runSavedModel(id, [], [], reads))
  let runs = 0
  return {
    graphs: traces.size,
    run(key, feeds) {
      // The first dump takes long, and a save is not to. Nor is the first run, which somebody waits for.
      if (runs++ === 1) tf.dispose(dump())
      const { inputs, outputs } = traces.get(key)!
      const results = backend.runSavedModel(
        id,
        inputs.map(({ name }) => feeds[name]!),
        inputs.map(({ node }) => ({ name: output(node) })),
        outputs.map(({ node }) => output(node)),
      )
      return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i]!]))
    },
    restore(values) {
      if (state.length > 0) tf.dispose(backend.runSavedModel(id, values, given, [output(restored)]))
    },
    dump,
    dispose: () => backend.deleteSavedModel(id),
  }
}

/** Nodes that read a variable, take a value for it and set it. */
interface Place {
  readonly read: string
  readonly given: string
  readonly assign: string
}

/** What is given is copied: TensorFlow may read the memory of a JavaScript array for as long as a tensor lives. */
function addPlace(graph: GraphBuilder, entry: StateEntry, place: number): Place {
  const [dtype, shape] = [typeOf(entry), attrValue.shape(entry.variable.shape)]
  const handle = addHandle(graph, entry, place)
  const read = graph.add('ReadVariableOp', [handle], { dtype })
  const given = graph.add('Placeholder', [], { dtype, shape })
  const copy = graph.add('DeepCopy', [given], { T: dtype })
  return { read, given, assign: graph.add('AssignVariableOp', [handle, copy], { dtype }) }
}

function loadModel(backend: NodeBackend, bytes: Uint8Array): number {
  const folder = mkdtempSync(path.join(tmpdir(), 'baton-graph-'))
  try {
    writeFileSync(path.join(folder, 'saved_model.pb'), bytes)
    return backend.loadSavedModelMetaGraph(folder, SERVE_TAG)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
