import type { Tf } from '@baton/tensorflow'
import { signatureFor } from './check-feeds.ts'
import { eagerProgram } from './eager.ts'
import type { NodeBackend } from './native.ts'
import { nodeBackend } from './native.ts'
import type { Feeds, Program, ProgramSpec } from './program.ts'
import { Untraceable } from './record.ts'
import type { Session } from './session.ts'
import { loadSession } from './session.ts'
import { trace } from './trace.ts'

/**
 * Runs each signature as a graph that TensorFlow computes as a whole.
 *
 * The first run with feeds of some shape traces and loads a graph for that shape. State lives in the graph that ran
 * last, and moves through the variables of the program when another one runs, so these do not say what the state is:
 * `dump` does.
 *
 * Not equal to `eagerProgram` in every byte. Training steps of the convnet and the ResNet on even maps are equal to the
 * bit in most stages; on odd maps, and in some stages of a network that pads its maps, they differ in rounding, and so
 * do predictions. A training that goes on with the one where it began with the other is not the one it would have been.
 *
 * What cannot be traced runs eagerly, as does everything where tfjs-node does not compute. An error that TensorFlow
 * ends a run with leaves the state unknown.
 *
 * @param log Takes one line for each signature that runs eagerly, saying why.
 * @throws {Error} when two entries of the state have one name
 */
export function compiledProgram(tf: Tf, spec: ProgramSpec, log: (line: string) => void): Program {
  const eager = eagerProgram(tf, spec)
  const backend = nodeBackend(tf)
  if (backend) return compiledOn(tf, backend, spec, eager, log)
  log(`the step runs eagerly, not compiled: ${tf.getBackend()} has no graphs`)
  return eager
}

function compiledOn(
  tf: Tf,
  backend: NodeBackend,
  spec: ProgramSpec,
  eager: Program,
  log: (line: string) => void,
): Program {
  const sessions = new Map<string, Session>()
  /** Signatures and feeds that run eagerly: by their shape, so that what ran before decides nothing. */
  const untraceable = new Set<string>()
  const logged = new Set<string>()
  /** Where the state is; null when it is in the variables. */
  let home: Session | null = null
  const moveTo = (session: Session | null) => {
    if (session === home) return
    for (const { entry, value } of home?.dump() ?? []) {
      entry.variable.assign(value)
      value.dispose()
    }
    session?.restore()
    home = session
  }
  const compile = (name: string, feeds: Feeds): Session | null => {
    moveTo(null)
    try {
      return loadSession(tf, backend, trace(tf, backend, { signature: spec.signatures[name]!, ...spec, feeds }))
    } catch (error) {
      if (!(error instanceof Untraceable)) throw error
      if (!logged.has(name)) log(`${name} runs eagerly, not compiled: ${error.message}`)
      logged.add(name)
      return null
    }
  }
  const sessionFor = (name: string, feeds: Feeds): Session | null => {
    const key = [name, ...Object.keys(spec.signatures[name]!.inputs).map((input) => feeds[input]!.shape)].join(' ')
    if (untraceable.has(key)) return null
    const session = sessions.get(key) ?? compile(name, feeds)
    if (session) sessions.set(key, session)
    else untraceable.add(key)
    return session
  }
  return {
    run(name, feeds) {
      signatureFor(spec, name, feeds)
      const session = sessionFor(name, feeds)
      moveTo(session)
      return session ? session.run(feeds) : eager.run(name, feeds)
    },
    restore(values) {
      moveTo(null)
      eager.restore(values)
    },
    dump() {
      const values = eager.dump()
      for (const { entry, value } of home?.dump() ?? []) {
        values.get(entry.name)?.dispose()
        values.set(entry.name, value)
      }
      return values
    },
    dispose() {
      for (const session of sessions.values()) session.dispose()
      eager.dispose()
    },
  }
}
