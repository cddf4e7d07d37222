import { createHash } from 'node:crypto'
import { philox4x32 } from './philox.ts'

/**
 * Names one stream of random numbers, as four unsigned 32-bit words. The first two are the Philox key; the last two
 * are the upper half of its counter, so streams are told apart by 128 bits and never share a block by accident.
 */
export type Key = readonly [number, number, number, number]

/**
 * The key of a stream, from what the stream belongs to: `streamKey(seed, fold, 'order', stage, epoch)`.
 *
 * The first 128 bits of the SHA-256 of the parts as JSON, so `1` and `'1'`, and `['ab']` and `['a', 'b']`, differ.
 *
 * @throws {RangeError} when a number is not finite: JSON would turn it into null and streams would meet.
 */
export function streamKey(...parts: (string | number)[]): Key {
  for (const part of parts)
    if (typeof part === 'number' && !Number.isFinite(part)) throw new RangeError(`a stream cannot be named by ${part}`)
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest()
  return [hash.readUInt32LE(0), hash.readUInt32LE(4), hash.readUInt32LE(8), hash.readUInt32LE(12)]
}

/** Work space of one draw: overwritten before every use, so no draw depends on another. */
const block = new Uint32Array(4)

function draw(key: Key, counter: number): Uint32Array {
  if (!Number.isSafeInteger(counter) || counter < 0)
    throw new RangeError(`a counter is an integer from 0 to 2^53 - 1, not ${counter}`)
  block[0] = counter
  block[1] = Math.floor(counter / 0x1_0000_0000)
  block[2] = key[2]
  block[3] = key[3]
  philox4x32(block, key[0], key[1])
  return block
}

/** 53 of the 64 bits of two words, as a multiple of 2^-53 in [0, 1). */
function fraction(high: number, low: number): number {
  return ((high >>> 5) * 0x400_0000 + (low >>> 6)) / 0x20_0000_0000_0000
}

/** The `counter`-th number of a stream, uniform in [0, 1), a multiple of 2^-53. */
export function uniform(key: Key, counter: number): number {
  const words = draw(key, counter)
  return fraction(words[0]!, words[1]!)
}

/**
 * The `counter`-th number of a stream, normal with mean 0 and variance 1.
 *
 *   √(−2 ln(1 − u)) · cos 2πv,  u and v uniform in [0, 1) from the same block
 *
 * Independent of `uniform` at other counters of the stream, not of `uniform` at the same counter.
 * Its last bits follow the JavaScript engine's `log` and `cos`.
 *
 * @see Box, Muller: A Note on the Generation of Random Normal Deviates, 1958
 */
export function normal(key: Key, counter: number): number {
  const words = draw(key, counter)
  const radius = Math.sqrt(-2 * Math.log(1 - fraction(words[0]!, words[1]!)))
  return radius * Math.cos(2 * Math.PI * fraction(words[2]!, words[3]!))
}

/**
 * The `counter`-th number of a stream, an integer in [0, below).
 *
 *   ⌊uniform · below⌋
 *
 * Each value is met by 2^53 / below of the fractions, give or take one, so its probability is off by less than one part
 * in 2^53 / below: 2^-21 at the largest `below`. It never draws again, so one counter is one number.
 *
 * @param below 1 to 2^32.
 */
export function integer(key: Key, counter: number, below: number): number {
  if (!Number.isInteger(below) || below < 1 || below > 0x1_0000_0000)
    throw new RangeError(`the bound is an integer from 1 to 2^32, not ${below}`)
  return Math.floor(uniform(key, counter) * below)
}

/**
 * The numbers 0 to n − 1 in an order that only the key decides.
 *
 * Fisher–Yates from the end; position i draws with counter i.
 *
 * @see Durstenfeld: Algorithm 235, Random permutation, 1964
 */
export function permutation(key: Key, n: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = integer(key, i, i + 1)
    const taken = order[i]!
    order[i] = order[j]!
    order[j] = taken
  }
  return order
}
