import { inflateSync } from 'node:zlib'
import type { Picture } from '../augment/picture.ts'

/** A PNG of 8 bits a channel that is not interlaced. */
interface PlainPng {
  readonly width: number
  readonly height: number
  /** Grey, grey and alpha, RGB, RGB and alpha. */
  readonly channels: 1 | 2 | 3 | 4
  /** Compressed: each row's filter and its bytes. */
  readonly body: Uint8Array
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** By the number of the colour type; a palette has none. */
const channelsOf: Readonly<Record<number, PlainPng['channels']>> = { 0: 1, 2: 3, 4: 2, 6: 4 }
/** Chunks that leave the bytes of a picture as they are. Others, such as colour profiles, are for libvips. */
const harmless = new Set(['bKGD', 'cHRM', 'gAMA', 'hIST', 'iTXt', 'pHYs', 'sBIT', 'sRGB', 'tEXt', 'tIME', 'zTXt'])
/** Beyond this, what libvips takes to set up its work does not count. */
const mostBytes = 2 ** 25

/**
 * Decodes a PNG that needs nothing else: 8 bits a channel, no palette, not interlaced, upright, without a colour profile.
 *
 * @param background Grey, 0 to 255, behind what is transparent.
 * @returns null for every other image, and where anything is wrong
 * @see https://www.w3.org/TR/png-3/
 */
export function decodePng(bytes: Uint8Array, background: number): Picture | null {
  const png = readPng(bytes)
  if (png === null) return null
  const { width, height, channels } = png
  const pixels = unpacked(png)
  return pixels && { width, height, data: channels === 3 ? pixels : inRgb(pixels, channels, background) }
}

function readPng(bytes: Uint8Array): PlainPng | null {
  if (signature.some((byte, i) => bytes[i] !== byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts: Uint8Array[] = []
  let head: Omit<PlainPng, 'body'> | null = null
  for (let at = signature.length; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at)
    if (end + 4 > bytes.length) return null
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    const content = bytes.subarray(at + 8, end)
    if (kind === 'IHDR') head = headOf(content)
    else if (kind === 'IDAT') parts.push(content)
    else if (kind === 'IEND') return head && { ...head, body: parts.length === 1 ? parts[0]! : Buffer.concat(parts) }
    else if (!harmless.has(kind)) return null
    if (head === null) return null
    // A checksum follows.
    at = end + 4
  }
  return null
}

function headOf(content: Uint8Array): Omit<PlainPng, 'body'> | null {
  if (content.length !== 13) return null
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  const [width, height, channels] = [view.getUint32(0), view.getUint32(4), channelsOf[content[9]!]]
  const [bits, compression, filter, interlace] = [content[8], content[10], content[11], content[12]]
  const isPlain = bits === 8 && compression === 0 && filter === 0 && interlace === 0
  if (!isPlain || channels === undefined || width * height === 0 || width * height * 4 > mostBytes) return null
  return { width, height, channels }
}

/** Its pixels, made in the memory of what was inflated. [height, width, channels] */
function unpacked({ width, height, channels, body }: PlainPng): Uint8Array | null {
  const row = width * channels
  const size = height * (row + 1)
  const bytes = inflated(body, size)
  if (bytes?.length !== size) return null
  for (let y = 0; y < height; y++) if (!undoFilter(bytes, y, row, channels)) return null
  return bytes.subarray(0, height * row)
}

/** @returns null where these are no such bytes, or more */
function inflated(body: Uint8Array, size: number): Uint8Array | null {
  try {
    return inflateSync(body, { chunkSize: Math.max(64, size + 1), maxOutputLength: size })
  } catch {
    return null
  }
}

/**
 * Puts a row as it was before its filter where the rows above it end; its own bytes come later, each before it is
 * written over. a is the byte of the pixel to the left, b that above, c that above to the left, 0 outside.
 *
 *   0 none   1 a   2 b   3 ⌊(a + b) / 2⌋   4 of a, b, c the one nearest to a + b − c
 *
 * @returns whether there is such a filter
 */
function undoFilter(bytes: Uint8Array, y: number, row: number, channels: number): boolean {
  const [to, from] = [y * row, y * (row + 1) + 1]
  switch (bytes[from - 1]) {
    case 0:
      bytes.copyWithin(to, from, from + row)
      return true
    case 1:
      for (let i = 0; i < row; i++) bytes[to + i] = bytes[from + i]! + (i < channels ? 0 : bytes[to + i - channels]!)
      return true
    case 2:
      for (let i = 0; i < row; i++) bytes[to + i] = bytes[from + i]! + (y === 0 ? 0 : bytes[to + i - row]!)
      return true
    case 3:
      for (let i = 0; i < row; i++) {
        const a = i < channels ? 0 : bytes[to + i - channels]!
        const b = y === 0 ? 0 : bytes[to + i - row]!
        bytes[to + i] = bytes[from + i]! + ((a + b) >> 1)
      }
      return true
    case 4:
      for (let i = 0; i < row; i++) {
        const a = i < channels ? 0 : bytes[to + i - channels]!
        const b = y === 0 ? 0 : bytes[to + i - row]!
        const c = y === 0 || i < channels ? 0 : bytes[to + i - row - channels]!
        bytes[to + i] = bytes[from + i]! + nearest(a, b, c)
      }
      return true
    default:
      return false
  }
}

/** Paeth's predictor. */
function nearest(a: number, b: number, c: number): number {
  const toA = Math.abs(b - c)
  const toB = Math.abs(a - c)
  const toC = Math.abs(a + b - 2 * c)
  if (toA <= toB && toA <= toC) return a
  return toB <= toC ? b : c
}

/** @param channels 1, 2 or 4: grey or RGB, with alpha where they are even. */
function inRgb(pixels: Uint8Array, channels: number, background: number): Uint8Array {
  const count = pixels.length / channels
  const rgb = new Uint8Array(count * 3)
  const colours = channels < 3 ? 1 : 3
  for (let i = 0; i < count; i++) {
    const alpha = channels === colours ? 255 : pixels[i * channels + colours]!
    const behind = background * (255 - alpha)
    for (let colour = 0; colour < 3; colour++) {
      const byte = pixels[i * channels + (colours === 1 ? 0 : colour)]!
      rgb[i * 3 + colour] = (byte * alpha + behind + 127) / 255
    }
  }
  return rgb
}
