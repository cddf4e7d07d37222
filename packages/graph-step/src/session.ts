import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import type { GraphBuilder } from './builder.ts'
import { bytesOf } from './builder.ts'
import type { NodeBackend } from './native.ts'
import type { Feeds, Outputs, StateEntry } from './program.ts'
import type { DataType } from './proto.ts'
import { attrValue, dataType, SERVE_TAG } from './proto.ts'
import type { Trace, TracedState } from './trace.ts'

/** A traced signature in TensorFlow, with variables of its own. */
export interface Session {
  /** @throws {Error} before the first `restore`; when it fails, the state is not to be used after that */
  run(feeds: Feeds): Outputs
  /** Takes up the values that the program's variables have. */
  restore(): void
  /** Values of what the signature assigns. A copy, which later runs do not change; the caller disposes it. */
  dump(): { entry: StateEntry; value: Tensor }[]
  dispose(): void
}

/**
 * Loads a trace into TensorFlow.
 *
 * The folder that it is read from is its own, as tfjs-node takes a path it has seen for the model it has seen there,
 * and gone once this returns.
 */
export function loadSession(tf: Tf, backend: NodeBackend, { graph, inputs, outputs, state }: Trace): Session {
  const assigned = state.filter(({ isAssigned }) => isAssigned)
  const dumps = assigned.map((entry) => addDump(graph, entry))
  const restoring = addRestore(graph, state)
  const id = loadModel(backend, graph.toBytes())
  const output = (node: string) => `${node}:0`
  let isRestored = state.length === 0
  return {
    run(feeds) {
      if (!isRestored) throw new Error('a session is restored before it runs')
      const infos = inputs.map(({ node, dtype }) => infoOf(node, dtype))
      const given = inputs.map(({ name }) => feeds[name]!)
      const nodes = outputs.map(({ node }) => output(node))
      const results = backend.runSavedModel(id, given, infos, nodes)
      return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i]!]))
    },
    restore() {
      if (state.length === 0) return
      const infos = restoring.placeholders.map((node) => infoOf(node))
      const values = state.map(({ variable }) => variable)
      tf.dispose(backend.runSavedModel(id, values, infos, [output(restoring.done)]))
      isRestored = true
    },
    dump() {
      if (assigned.length === 0) return []
      const values = backend.runSavedModel(id, [], [], dumps.map(output))
      return assigned.map((entry, i) => ({ entry, value: values[i]! }))
    },
    dispose: () => backend.deleteSavedModel(id),
  }
}

function infoOf(node: string, dtype?: string): { name: string; tfDtype?: 'DT_UINT8' } {
  return { name: `${node}:0`, ...(dtype === 'uint8' && { tfDtype: 'DT_UINT8' }) }
}

function typeOf({ variable }: StateEntry): Uint8Array {
  return attrValue.type(dataType[variable.dtype as DataType])
}

function addDump(graph: GraphBuilder, entry: TracedState): string {
  const read = graph.add('ReadVariableOp', [entry.handle], { dtype: typeOf(entry) })
  return graph.add('Identity', [read], { T: typeOf(entry) })
}

/** Copies what it is fed: TensorFlow may read the memory of a JavaScript array for as long as a tensor lives. */
function addRestore(graph: GraphBuilder, state: readonly TracedState[]) {
  const placeholders: string[] = []
  const assigns = state.map((entry) => {
    const [dtype, shape] = [typeOf(entry), attrValue.shape(entry.variable.shape)]
    const value = graph.add('Placeholder', [], { dtype, shape })
    placeholders.push(value)
    const copy = graph.add('DeepCopy', [value], { T: dtype })
    return graph.add('AssignVariableOp', [entry.handle, copy], { dtype })
  })
  const one = graph.constant('float32', [], bytesOf(Float32Array.of(1)))
  const waits = assigns.map((assign) => `^${assign}`)
  const done = graph.add('Identity', [one, ...waits], { T: attrValue.type(dataType.float32) })
  return { placeholders, done }
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
