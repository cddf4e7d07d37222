import type { Picture } from '../augment/picture.ts'
import { readJpegHeader } from './jpeg-header.ts'
import { decodeByTurbo } from './turbo-jpeg.ts'

/** In eighths of a picture's size. */
const scales = [1, 2, 4] as const
/** Beyond these, what libvips takes to set up its work does not count, and memory does. */
const most = { pixels: 2 ** 23, bytes: 2 ** 23 }

/**
 * Decodes a JPEG that needs nothing else: of three colours or grey, upright, without a colour profile.
 *
 * @param least Where it is above 0, the picture comes at an eighth, a quarter or a half of its size, the first of which
 *   both sides reach this.
 * @returns null for every other image, and where the decoder finds anything wrong
 */
export function decodeJpeg(bytes: Uint8Array, least: number): Picture | null {
  const header = readJpegHeader(bytes)
  if (!header?.isCommon || !header.isPlain) return null
  const { width, height } = header
  if (width * height === 0 || width * height > most.pixels || bytes.length > most.bytes) return null
  const scaled = (side: number, scale: number) => Math.ceil((side * scale) / 8)
  const enough = (scale: number) => scaled(Math.min(width, height), scale) >= least
  const scale = least > 0 ? (scales.find(enough) ?? 8) : 8
  const size = { width: scaled(width, scale), height: scaled(height, scale) }
  const data = decodeByTurbo(bytes, size)
  return data && { ...size, data }
}
