import type { ImageSpec } from '@baton/contracts'
import type { Size } from '../augment/affine.ts'
import type { Picture } from '../augment/picture.ts'

type Interpolation = ImageSpec['interpolation']

/** How much a pixel at a distance counts; 0 from `reach` on. */
interface Kernel {
  readonly reach: number
  readonly at: (x: number) => number
}

/**
 *   bilinear   1 − |x|
 *   bicubic    (a + 2)|x|³ − (a + 3)x² + 1 up to 1, a|x|³ − 5a x² + 8a|x| − 4a up to 2,  a = −½
 *   lanczos    sinc(x) sinc(x / 3)
 */
const kernels: Readonly<Record<Interpolation, Kernel>> = {
  bilinear: { reach: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, at: (x) => cubic(Math.abs(x)) },
  lanczos: { reach: 3, at: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

function cubic(x: number): number {
  const a = -0.5
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

/** Bits of a weight behind the point: a sum of bytes by weights has 32. */
const weightBits = 22
const half = 1 << (weightBits - 1)

/** What each pixel of a new row is the weighted sum of. */
interface Taps {
  /** First pixel of the old row. [to] */
  readonly starts: Int32Array
  /** Pixels of the old row. [to] */
  readonly counts: Int32Array
  /** In parts of 2^22, `most` for each pixel. [to, most] */
  readonly weights: Int32Array
  readonly most: number
}

const known = new Map<string, Taps>()
/** Rows of as many lengths as pictures of a dataset have. */
const mostKnown = 4096

/**
 * The picture in another size, byte for byte as Pillow resizes it, and with that torchvision: the kernel is as wide as a
 * pixel of the smaller picture, so that what shrinks is antialiased; rows first, then columns, each rounded to bytes.
 *
 * @returns The very picture where it has that size
 * @see Pillow, src/libImaging/Resample.c
 */
export function resized(picture: Picture, { width, height }: Size, interpolation: Interpolation): Picture {
  const wide = picture.width === width ? picture : inWidth(picture, width, interpolation)
  return wide.height === height ? wide : inHeight(wide, height, interpolation)
}

function inWidth({ data, width, height }: Picture, to: number, interpolation: Interpolation): Picture {
  const { starts, counts, weights, most } = tapsOf(width, to, interpolation)
  // Clamped: kernels with negative parts overshoot.
  const made = new Uint8ClampedArray(height * to * 3)
  for (let y = 0, at = 0; y < height; y++) {
    const row = y * width * 3
    for (let x = 0; x < to; x++, at += 3) {
      let from = row + starts[x]! * 3
      let red = half
      let green = half
      let blue = half
      for (let tap = x * most, end = tap + counts[x]!; tap < end; tap++, from += 3) {
        const weight = weights[tap]!
        red = (red + Math.imul(data[from]!, weight)) | 0
        green = (green + Math.imul(data[from + 1]!, weight)) | 0
        blue = (blue + Math.imul(data[from + 2]!, weight)) | 0
      }
      made[at] = red >> weightBits
      made[at + 1] = green >> weightBits
      made[at + 2] = blue >> weightBits
    }
  }
  return { width: to, height, data: bytesOf(made) }
}

function inHeight({ data, width, height }: Picture, to: number, interpolation: Interpolation): Picture {
  const { starts, counts, weights, most } = tapsOf(height, to, interpolation)
  const row = width * 3
  const made = new Uint8ClampedArray(to * row)
  const sums = new Int32Array(row)
  for (let y = 0; y < to; y++) {
    sums.fill(half)
    for (let tap = 0; tap < counts[y]!; tap++) {
      const weight = weights[y * most + tap]!
      const from = (starts[y]! + tap) * row
      for (let x = 0; x < row; x++) sums[x] = (sums[x]! + Math.imul(data[from + x]!, weight)) | 0
    }
    for (let x = 0; x < row; x++) made[y * row + x] = sums[x]! >> weightBits
  }
  return { width, height: to, data: bytesOf(made) }
}

function bytesOf(clamped: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(clamped.buffer)
}

function tapsOf(from: number, to: number, interpolation: Interpolation): Taps {
  const key = `${interpolation} ${from} ${to}`
  const found = known.get(key)
  if (found) return found
  if (known.size === mostKnown) known.clear()
  const made = makeTaps(from, to, kernels[interpolation])
  known.set(key, made)
  return made
}

function makeTaps(from: number, to: number, { reach, at }: Kernel): Taps {
  const ratio = from / to
  const stretch = Math.max(1, ratio)
  const most = 2 * Math.ceil(reach * stretch) + 1
  const [starts, counts] = [new Int32Array(to), new Int32Array(to)]
  const weights = new Int32Array(to * most)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * ratio
    const start = Math.max(0, Math.trunc(centre - reach * stretch + 0.5))
    const count = Math.min(from, Math.trunc(centre + reach * stretch + 0.5)) - start
    const parts = Array.from({ length: count }, (_, tap) => at((start + tap - centre + 0.5) * (1 / stretch)))
    const whole = parts.reduce((sum, part) => sum + part, 0)
    weights.set(
      parts.map((part) => roundAway((part / whole) * (1 << weightBits))),
      i * most,
    )
    starts[i] = start
    counts[i] = count
  }
  return { starts, counts, weights, most }
}

/** To the nearest whole number, halves away from 0. */
function roundAway(x: number): number {
  return Math.trunc(x < 0 ? x - 0.5 : x + 0.5)
}
