import { bulkWords } from './bulk.ts'
import type { Key } from './stream.ts'

const LAYERS = 128
/** Where the tail begins: the value that gives 128 layers of equal area. */
const TAIL = 3.442619855899
/** Area of each layer, under exp(−x²/2). */
const AREA = 9.91256303526217e-3

const density = (x: number) => Math.exp(-0.5 * x * x)

/** Right ends of the layers, widest first; the lowest one's is that of a rectangle as large as it and the tail. */
const ends = new Float64Array(LAYERS + 1)
ends[0] = AREA / density(TAIL)
ends[1] = TAIL
for (let i = 2; i < LAYERS; i++) ends[i] = Math.sqrt(-2 * Math.log(AREA / ends[i - 1]! + density(ends[i - 1]!)))
/** The part of a layer that lies under the layer above it, and so under the curve. */
const inner = Float64Array.from({ length: LAYERS }, (_, i) => ends[i + 1]! / ends[i]!)

/**
 * Fills `target` with normal numbers of mean 0 and this deviation, rounded to float32, in a few nanoseconds each: a
 * model begins with millions. A pure function of the key; a shorter target is the beginning of a longer one.
 *
 * A word chooses a layer by 7 of its bits and a place in it by the other 25. Of 100 places 98.8 lie under the curve
 * for certain; of the others the rare ones above it are drawn again. Last bits follow the JavaScript engine's `log` and
 * `exp`.
 *
 * @see Marsaglia, Tsang: The Ziggurat Method for Generating Random Variables, 2000; that layer and place share no bits
 *   is Doornik's: An Improved Ziggurat Method to Generate Normal Random Samples, 2005
 */
export function fillNormal(key: Key, target: Float32Array, deviation = 1): void {
  const words = bulkWords(key, 0)
  for (let i = 0; i < target.length; i++) target[i] = deviation * nextNormal(words)
}

function nextNormal(words: () => number): number {
  for (;;) {
    const word = words()
    const layer = word & (LAYERS - 1)
    const place = ((word >> 7) + 0.5) / 2 ** 24 // in (−1, 1)
    const x = place * ends[layer]!
    if (Math.abs(place) < inner[layer]!) return x
    if (layer === 0) return Math.sign(place) * beyondTail(words)
    const [low, high] = [density(ends[layer]!), density(ends[layer + 1]!)]
    if (low + fraction(words) * (high - low) < density(x)) return x
  }
}

/** @see Marsaglia: Generating a Variable from the Tail of the Normal Distribution, 1964 */
function beyondTail(words: () => number): number {
  for (;;) {
    const beyond = -Math.log(fraction(words)) / TAIL
    if (beyond * beyond < -2 * Math.log(fraction(words))) return TAIL + beyond
  }
}

/** Above 0 and below 1. */
function fraction(words: () => number): number {
  return (words() + 0.5) / 2 ** 32
}
