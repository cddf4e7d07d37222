import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
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
  const variables = byName(state)
  return {
    run(name, feeds) {
      const signature = signatureFor(spec, name, feeds)
      return tf.tidy<Outputs>(() => signature.run(feeds))
    },
    restore(values) {
      const pairs = [...values].map(([name, value]) => [variableFor(variables, name, value), value] as const)
      for (const [variable, value] of pairs)
        tf.tidy(() => {
          variable.assign(copyTensor(tf, value))
        })
    },
    dump: () => new Map(state.map(({ name, variable }) => [name, variable.clone()])),
    dispose: () => undefined,
  }
}

function byName(state: readonly StateEntry[]): Map<string, StateEntry['variable']> {
  const variables = new Map(state.map(({ name, variable }) => [name, variable]))
  if (variables.size < state.length) {
    const twice = state.find(({ name, variable }) => variables.get(name) !== variable)
    throw new Error(`two variables of the state are named ${String(twice?.name)}`)
  }
  return variables
}

function variableFor(variables: Map<string, StateEntry['variable']>, name: string, value: Tensor) {
  const variable = variables.get(name)
  if (!variable) throw new Error(`the program has no state named ${name}`)
  if (variable.shape.join() !== value.shape.join() || variable.dtype !== value.dtype)
    throw new Error(`state ${name} is ${describe(variable)}, not ${describe(value)}`)
  return variable
}
