import type { Tensor } from '@tensorflow/tfjs'
import type { Tf } from '@baton/tensorflow'
import { isByteTensor } from './byte-tensor.ts'
import type { Feeds, InputSpec, ProgramSpec, Signature } from './program.ts'

/**
 * The signature of that name, which these feeds fit.
 *
 * @throws {Error} naming the signature or feed that does not fit
 */
export function signatureFor(tf: Tf, { signatures }: ProgramSpec, name: string, feeds: Feeds): Signature {
  const signature = signatures[name]
  if (!signature) throw new Error(`the program has no signature ${name}, only ${Object.keys(signatures).join(', ')}`)
  const unknown = Object.keys(feeds).find((feed) => !(feed in signature.inputs))
  if (unknown !== undefined) throw new Error(`${name} takes no feed named ${unknown}`)
  for (const [input, spec] of Object.entries(signature.inputs)) {
    const feed = feeds[input]
    if (!feed || !fits(tf, feed, spec))
      throw new Error(`${name} takes ${input} as ${describe(spec)}, not ${feed ? describe(feed) : 'nothing'}`)
  }
  return signature
}

function fits(tf: Tf, feed: Tensor, { shape, dtype }: InputSpec): boolean {
  const sameShape = feed.rank === shape.length && shape.every((size, i) => size === null || size === feed.shape[i])
  return sameShape && (dtype === 'uint8' ? isByteTensor(tf, feed) : feed.dtype === dtype)
}

/** Dtype and shape in words; null stands for any size. */
export function describe({ dtype, shape }: { dtype: string; shape: readonly (number | null)[] }): string {
  return `${dtype} [${shape.map((size) => size ?? 'any').join(', ')}]`
}
