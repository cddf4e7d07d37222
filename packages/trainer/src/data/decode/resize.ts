import type { ImageSpec } from '@baton/contracts'
import type { Size } from '../augment/affine.ts'
import type { Picture } from '../augment/picture.ts'
import { resizeWasm } from './resize-wasm.ts'
import { wasm } from './wasm.ts'
import type { WasmMemory } from './wasm.ts'

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

/** What each pixel of a new row is the weighted sum of, as `resize.wat` reads it. */
interface Taps {
  /** The first pixel of the old row, how many of them, their weights in parts of 2^22. [to, entry] */
  readonly table: Int32Array
  readonly entryBytes: number
}

const known = new Map<string, Taps>()
/** Rows of as many lengths as pictures of a dataset have. */
const mostKnown = 4096

/** The functions of `resize.wat`. Addresses are of its memory; rows and entries of a table are so many bytes apart. */
interface Passes {
  readonly memory: WasmMemory
  rows(from: number, row: number, to: number, width: number, height: number, table: number, entry: number): void
  columns(from: number, row: number, to: number, height: number, table: number, entry: number): void
}

const pageBytes = 2 ** 16
/** They read and write so many bytes at once, and so up to as many behind a picture. */
const bytesAtOnce = 16
/** This thread's. */
let passes: Passes | undefined

/**
 * The picture in another size, byte for byte as Pillow resizes it, and with that torchvision: the kernel is as wide as a
 * pixel of the smaller picture, so that what shrinks is antialiased; rows first, then columns, each rounded to bytes.
 *
 * @returns The very picture where it has that size
 * @see Pillow, src/libImaging/Resample.c
 */
export function resized(picture: Picture, { width, height }: Size, interpolation: Interpolation): Picture {
  if (picture.width === width && picture.height === height) return picture
  passes ??= loadPasses()
  const { memory } = passes
  const across = tapsOf(picture.width, width, interpolation)
  const down = tapsOf(picture.height, height, interpolation)
  const [oldRow, row] = [picture.width * 3, width * 3]
  const sizes = [
    picture.height * oldRow,
    picture.height * row,
    height * row,
    across.table.byteLength,
    down.table.byteLength,
  ]
  const [old, wide, made, acrossAt, downAt] = placeAll(memory, sizes) as [number, number, number, number, number]
  new Uint8Array(memory.buffer).set(picture.data, old)
  new Int32Array(memory.buffer).set(across.table, acrossAt / 4)
  new Int32Array(memory.buffer).set(down.table, downAt / 4)
  passes.rows(old, oldRow, wide, width, picture.height, acrossAt, across.entryBytes)
  passes.columns(wide, row, made, height, downAt, down.entryBytes)
  return { width, height, data: new Uint8Array(memory.buffer, made, height * row).slice() }
}

function loadPasses(): Passes {
  return new wasm.Instance(new wasm.Module(Buffer.from(resizeWasm, 'base64')), {}).exports as Passes
}

/** Addresses of pieces of these sizes, one behind the other, in a memory that grows to hold them. */
function placeAll(memory: WasmMemory, sizes: readonly number[]): number[] {
  let end = 0
  const places = sizes.map((bytes) => {
    const at = end
    end += Math.ceil(bytes / bytesAtOnce + 1) * bytesAtOnce
    return at
  })
  const lacking = end - memory.buffer.byteLength
  if (lacking > 0) memory.grow(Math.ceil(lacking / pageBytes))
  return places
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
  const entry = 2 + 2 * Math.ceil(reach * stretch) + 1
  const table = new Int32Array(to * entry)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * ratio
    const start = Math.max(0, Math.trunc(centre - reach * stretch + 0.5))
    const count = Math.min(from, Math.trunc(centre + reach * stretch + 0.5)) - start
    const parts = Array.from({ length: count }, (_, tap) => at((start + tap - centre + 0.5) * (1 / stretch)))
    const whole = parts.reduce((sum, part) => sum + part, 0)
    const weights = parts.map((part) => roundAway((part / whole) * (1 << weightBits)))
    table.set([start, count, ...weights], i * entry)
  }
  return { table, entryBytes: entry * table.BYTES_PER_ELEMENT }
}

/** To the nearest whole number, halves away from 0. */
function roundAway(x: number): number {
  return Math.trunc(x < 0 ? x - 0.5 : x + 0.5)
}
