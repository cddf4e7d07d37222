import { philox4x32 } from './philox.ts'
import type { Key } from './stream.ts'

/**
 * Many random words from one number of a stream, in a few nanoseconds each: for noise on every pixel, where a block of
 * Philox for each would be most of the work. xoshiro128** begun with the four words of the counter's Philox block.
 *
 * @returns The next word, an unsigned 32-bit integer.
 * @see Blackman, Vigna: Scrambled Linear Pseudorandom Number Generators, 2019, figure 5
 */
export function bulkWords([key0, key1, high0, high1]: Key, counter: number): () => number {
  const state = Uint32Array.of(counter, Math.floor(counter / 0x1_0000_0000), high0, high1)
  philox4x32(state, key0, key1)
  return xoshiro128(state)
}

/** xoshiro128**, from a state that is not all zero. */
export function xoshiro128(state: Uint32Array): () => number {
  let [s0, s1, s2, s3] = Int32Array.from(state) as unknown as [number, number, number, number]
  return () => {
    const scrambled = Math.imul(s1, 5)
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9)
    const shifted = s1 << 9
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << 11) | (s3 >>> 21)
    return result >>> 0
  }
}
