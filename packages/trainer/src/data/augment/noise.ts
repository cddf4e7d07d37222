import { bulkWords } from '@baton/random'
import type { Key } from '@baton/random'

const quantiles = 65_536

/** The normal distribution's quantiles at (i + ½) / 65,536: each is as likely as the others. */
let table: Float32Array | undefined

/**
 * A source of normal numbers fast enough for every pixel of a picture: mean 0, standard deviation 1 to 5 digits, at most
 * 4.33 from 0. Sequential, and a pure function of key and counter.
 */
export function bulkNormal(key: Key, counter: number): () => number {
  const words = bulkWords(key, counter)
  const normals = (table ??= Float32Array.from({ length: quantiles }, (_, i) => normalQuantile((i + 0.5) / quantiles)))
  let word = 0
  let isHalf = false
  return () => {
    isHalf = !isHalf
    if (isHalf) word = words()
    return normals[isHalf ? word >>> 16 : word & 0xffff]!
  }
}

/**
 * Adds normal noise to a picture in place, rounded to the nearest byte and clipped.
 *
 * @param std In units of 0 to 255.
 * @param perColour Each colour of a pixel gets a number of its own; otherwise all three the same.
 */
export function addNoise(data: Uint8Array, normal: () => number, std: number, perColour: boolean): void {
  for (let i = 0; i < data.length; i += 3) {
    let noise = normal() * std + 0.5
    for (let colour = 0; colour < 3; colour++) {
      if (perColour && colour > 0) noise = normal() * std + 0.5
      data[i + colour] = clip(data[i + colour]! + noise)
    }
  }
}

/** The byte that a number is cut to. */
export function clip(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value
}

/**
 * Where the normal distribution passes p; relative error below 1.2e-9.
 *
 * @param p Above 0 and below 1.
 * @see Acklam: An algorithm for computing the inverse normal cumulative distribution function, 2003
 */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p)
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p))
    return (
      (((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1)
    )
  }
  const q = p - 0.5
  const r = q * q
  return (
    ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
      q) /
    (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
      1)
  )
}
