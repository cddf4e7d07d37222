import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { widened } from './byte-tensor.ts'
import { describe, signatureFor } from './check-feeds.ts'
import type { Outputs, Program, ProgramSpec, StateEntry } from './program.ts'
import { copyTensor } from './read-tensor.ts'

/**
 * Runs each signature as it is written, operation by operation: the reference for a compiled program, and what takes
 * its place where none can be made.
 *
 * @throws {Error} when two entries of the state have one name
 */
export function eagerProgram(tf: Tf, spec: ProgramSpec): Program {
  const { state } = spec
  checkNames(state)
  return {
    run(name, feeds) {
      const signature = signatureFor(tf, spec, name, feeds)
      return tf.tidy<Outputs>(() => {
        const given = Object.entries(signature.inputs).map(([input, { dtype }]) => {
          return [input, dtype === 'uint8' ? widened(tf, feeds[input]!) : feeds[input]!] as const
        })
        return signature.run(Object.fromEntries(given))
      })
    },
    prepare: () => false,
    restore(values) {
      for (const [{ variable }, value] of entriesFor(spec, values))
        tf.tidy(() => {
          variable.assign(copyTensor(tf, value))
        })
    },
    dump: (isWanted = () => true) =>
      new Map(state.filter(({ name }) => isWanted(name)).map(({ name, variable }) => [name, variable.clone()])),
    dispose: () => undefined,
  }
}

/** @throws {Error} when two entries of the state have one name */
function checkNames(state: readonly StateEntry[]): void {
  const seen = new Set<string>()
  const twice = state.map(({ name }) => name).find((name) => seen.size === seen.add(name).size)
  if (twice !== undefined) throw new Error(`two variables of the state are named ${twice}`)
}

/**
 * Which entry each of the values is for.
 *
 * @throws {Error} on a name that is unknown or a shape that differs
 */
export function entriesFor(
  { state }: Pick<ProgramSpec, 'state'>,
  values: ReadonlyMap<string, Tensor>,
): [entry: StateEntry, value: Tensor][] {
  const entries = new Map(state.map((entry) => [entry.name, entry]))
  return [...values].map(([name, value]) => {
    const entry = entries.get(name)
    if (!entry) throw new Error(`the program has no state named ${name}`)
    const { variable } = entry
    if (variable.shape.join() !== value.shape.join() || variable.dtype !== value.dtype)
      throw new Error(`state ${name} is ${describe(variable)}, not ${describe(value)}`)
    return [entry, value]
  })
}
