import { integer, streamKey, uniform } from '@baton/random'
import type { Key } from '@baton/random'
import { bulkNormal } from './noise.ts'

/** What random parameters are a function of, beside the sample: seed, fold, stage, epoch, … */
export type Scope = readonly (string | number)[]

/** What one operation draws for one sample; each parameter of it has a stream of its own. */
export interface Draw {
  /** Uniform in [0, 1). @param i Below 1,024, where a parameter needs several numbers. */
  uniform(parameter: string, i?: number): number
  /** Uniform in [−limit, limit). */
  within(parameter: string, limit: number): number
  /** A whole number in [0, below). */
  integer(parameter: string, below: number): number
  /** Normal numbers, as many as are wanted. */
  normal(parameter: string): () => number
}

const numbersEach = 1024

/**
 * Draws by operation and sample. What is drawn is a function of the scope, the operation, its parameter and the sample
 * alone: neither what was drawn before nor the batch matters.
 */
export function drawsIn(scope: Scope): (op: string, sample: number) => Draw {
  const keys = new Map<string, Key>()
  const keyOf = (op: string, parameter: string) => {
    const name = `${op}/${parameter}`
    const known = keys.get(name)
    if (known) return known
    const key = streamKey(...scope, op, parameter)
    keys.set(name, key)
    return key
  }
  return (op, sample) => {
    const first = sample * numbersEach
    return {
      uniform: (parameter, i = 0) => uniform(keyOf(op, parameter), first + i),
      within: (parameter, limit) => limit * (2 * uniform(keyOf(op, parameter), first) - 1),
      integer: (parameter, below) => integer(keyOf(op, parameter), first, below),
      normal: (parameter) => bulkNormal(keyOf(op, parameter), sample),
    }
  }
}
