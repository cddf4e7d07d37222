import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { signatureFor } from './check-feeds.ts'
import { eagerProgram, entriesFor } from './eager.ts'
import type { NodeBackend } from './native.ts'
import { nodeBackend } from './native.ts'
import type { Feeds, InputSpec, Program, ProgramSpec, Signature } from './program.ts'
import { Untraceable } from './record.ts'
import type { Session } from './session.ts'
import { loadSession } from './session.ts'
import type { Trace } from './trace.ts'
import { trace } from './trace.ts'

/** Whether programs can be compiled here: tfjs-node computes. */
export function hasGraphs(tf: Tf): boolean {
  return nodeBackend(tf) !== null
}

/**
 * Runs each signature as a graph that TensorFlow computes as a whole.
 *
 * A graph is for feeds of one shape, and is made when it is first needed. All are one session's, whose variables hold the
 * state; one more graph is one more session, which takes the state over. The variables of the program hold none
 * meanwhile, nor memory for it: `dump` says what the state is.
 *
 * Equal to `eagerProgram` but for rounding, as a graph orders some sums its own way. A training that goes on with the one
 * where it began with the other is not the one it would have been.
 *
 * What cannot be traced runs eagerly. An error that TensorFlow ends a run with leaves the state unknown.
 *
 * @param log Takes one line for each signature that runs eagerly, saying why.
 * @throws {Error} when two entries of the state have one name, or nothing can be compiled here
 */
export function compiledProgram(tf: Tf, spec: ProgramSpec, log: (line: string) => void): Program {
  const backend = nodeBackend(tf)
  if (!backend) throw new Error(`${tf.getBackend()} has no graphs`)
  return compiledOn(tf, backend, spec, log)
}

function compiledOn(tf: Tf, backend: NodeBackend, spec: ProgramSpec, log: (line: string) => void): Program {
  const eager = eagerProgram(tf, spec)
  const { state } = spec
  const graphs = createGraphs(tf, backend, spec, log)
  let session: Session | null = null
  /** Whether the session has the state; otherwise the variables of the program do. */
  let isInSession = false

  /** What the state is, as tensors of the caller's. */
  const valuesNow = () => (isInSession ? session!.dump() : state.map(({ variable }) => variable.clone()))

  function toSession(): void {
    const next = session?.graphs === graphs.all.size ? session : loadSession(tf, backend, graphs.all, state)
    if (next === session && isInSession) return
    const values = valuesNow()
    fill(next, values)
    tf.dispose(values)
  }

  /** From here on the state is in that session. */
  function fill(next: Session, values: readonly Tensor[]): void {
    next.restore(values)
    if (next !== session) session?.dispose()
    if (next === session && isInSession) return
    session = next
    isInSession = true
    for (const { variable } of state) clear(tf, variable)
  }

  function toVariables(): void {
    if (!isInSession) return
    const values = session!.dump()
    state.forEach(({ variable }, i) => variable.assign(values[i]!))
    tf.dispose(values)
    isInSession = false
  }

  return {
    run(name, feeds) {
      signatureFor(tf, spec, name, feeds)
      const key = graphs.keyOf(name, (input, axis) => feeds[input]!.shape[axis]!)
      if (key === null) {
        toVariables()
        return eager.run(name, feeds)
      }
      toSession()
      return session!.run(key, feeds)
    },
    prepare(name, rows) {
      const key = graphs.keyOf(name, () => rows)
      // A session that holds the state is not left for one that no run has asked for.
      if (key !== null && session === null) session = loadSession(tf, backend, graphs.all, state)
      return key !== null
    },
    restore(values) {
      if (session === null) return eager.restore(values)
      const given = new Map(entriesFor(spec, values))
      const now = valuesNow()
      fill(
        session,
        state.map((entry, i) => given.get(entry) ?? now[i]!),
      )
      tf.dispose(now)
    },
    dump(isWanted = () => true) {
      if (!isInSession) return eager.dump(isWanted)
      const named = session!.dump().map((value, i) => [state[i]!.name, value] as const)
      for (const [name, value] of named) if (!isWanted(name)) value.dispose()
      return new Map(named.filter(([name]) => isWanted(name)))
    },
    dispose() {
      session?.dispose()
      eager.dispose()
    },
  }
}

/** Lets go of the memory of a variable's value: that of an array nobody has written to is not there until it is read. */
function clear(tf: Tf, variable: ProgramSpec['state'][number]['variable']): void {
  tf.tidy(() => {
    variable.assign(tf.zeros(variable.shape, variable.dtype))
  })
}

/** The graphs of a program as they come to be needed. */
function createGraphs(tf: Tf, backend: NodeBackend, spec: ProgramSpec, log: (line: string) => void) {
  const { signatures, state, trusted = false } = spec
  const all = new Map<string, Trace>()
  const untraceable = new Set<string>()
  const told = new Set<string>()
  function make(name: string, key: string, sizeOf: SizeOf): void {
    const signature = signatures[name]!
    const feeds = zerosFor(tf, signature, sizeOf)
    try {
      all.set(key, trace(tf, backend, { signature, state, feeds, prefix: `${key}/`, trusted }))
    } catch (error) {
      if (!(error instanceof Untraceable)) throw error
      untraceable.add(key)
      if (!told.has(name)) log(`${name} runs eagerly, not compiled: ${error.message}`)
      told.add(name)
    } finally {
      tf.dispose(Object.values(feeds))
    }
  }
  /** A word for a graph that is the same in every session, whatever ran before: it names the graph's nodes. */
  const wordFor = (name: string, sizeOf: SizeOf): string => [name, ...anySizes(signatures[name]!, sizeOf)].join('_')
  const makeMissing = (name: string, sizeOf: SizeOf) => {
    const key = wordFor(name, sizeOf)
    if (!all.has(key) && !untraceable.has(key)) make(name, key, sizeOf)
    return key
  }
  return {
    all: all as ReadonlyMap<string, Trace>,
    /** The key of the graph for feeds of such a size, which is made where it is missing; null where there can be none. */
    keyOf(name: string, sizeOf: SizeOf): string | null {
      const { group } = signatures[name]!
      const known = all.size + untraceable.size
      const key = makeMissing(name, sizeOf)
      const isNew = all.size + untraceable.size > known
      const [rows] = anySizes(signatures[name]!, sizeOf)
      if (isNew && group !== undefined && rows !== undefined)
        for (const [other, signature] of Object.entries(signatures))
          if (signature.group === group) makeMissing(other, () => rows)
      return all.has(key) ? key : null
    },
  }
}

/** The size of an input's axis that may be any. */
type SizeOf = (input: string, axis: number) => number

function anySizes({ inputs }: Signature, sizeOf: SizeOf): number[] {
  return Object.entries(inputs).flatMap(([input, { shape }]) =>
    shape.flatMap((size, axis) => (size === null ? [sizeOf(input, axis)] : [])),
  )
}

/** Feeds that hold nothing: a trace needs no more. */
function zerosFor(tf: Tf, { inputs }: Signature, sizeOf: SizeOf): Feeds {
  const zeros = ([input, { shape, dtype }]: [string, InputSpec]): [string, Tensor] => {
    const sizes = shape.map((size, axis) => size ?? sizeOf(input, axis))
    return [input, tf.zeros(sizes, dtype === 'uint8' ? 'int32' : dtype)]
  }
  return Object.fromEntries(Object.entries(inputs).map(zeros))
}
