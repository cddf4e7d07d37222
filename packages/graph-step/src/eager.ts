import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { readTensor } from './read-tensor.ts'
import type { Feeds, InputSpec, Outputs, Program, ProgramSpec, StateEntry } from './program.ts'

/**
 * Runs each signature as it is written, operation by operation: the reference for a compiled program, and what takes
 * its place where none can be made.
 *
 * @throws {Error} when two entries of the state have one name
 */
export function eagerProgram(tf: Tf, { state, signatures }: ProgramSpec): Program {
  const variables = byName(state)
  return {
    run(name, feeds) {
      const signature = signatures[name]
      if (!signature)
        throw new Error(`the program has no signature ${name}, only ${Object.keys(signatures).join(', ')}`)
      checkFeeds(name, signature.inputs, feeds)
      return tf.tidy<Outputs>(() => signature.run(feeds))
    },
    restore(values) {
      const pairs = [...values].map(([name, value]) => [variableFor(variables, name, value), value] as const)
      // A clone would share its memory with the caller's array where that happens to be aligned.
      for (const [variable, value] of pairs)
        tf.tidy(() => {
          variable.assign(copyOf(tf, value))
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

function copyOf(tf: Tf, value: Tensor): Tensor {
  return tf.tensor(readTensor(tf, value), value.shape, value.dtype)
}

function checkFeeds(signature: string, inputs: Readonly<Record<string, InputSpec>>, feeds: Feeds): void {
  const unknown = Object.keys(feeds).find((name) => !(name in inputs))
  if (unknown !== undefined) throw new Error(`${signature} takes no feed named ${unknown}`)
  for (const [name, input] of Object.entries(inputs)) {
    const feed = feeds[name]
    if (!feed || !fits(feed, input))
      throw new Error(`${signature} takes ${name} as ${describe(input)}, not ${feed ? describe(feed) : 'nothing'}`)
  }
}

function fits(feed: Tensor, { shape, dtype }: InputSpec): boolean {
  const sameShape = feed.rank === shape.length && shape.every((size, i) => size === null || size === feed.shape[i])
  return sameShape && feed.dtype === dtype
}

function describe({ dtype, shape }: { dtype: string; shape: readonly (number | null)[] }): string {
  return `${dtype} [${shape.map((size) => size ?? 'any').join(', ')}]`
}
