import type { ImageSpec } from '@baton/contracts'
import type { Picture } from '../augment/picture.ts'
import { decodeJpeg } from './jpeg.ts'
import { decodePng } from './png.ts'
import { resized } from './resize.ts'
import { decodeBySharp } from './sharp.ts'

export type DecodeSpec = Pick<ImageSpec, 'size' | 'resize' | 'interpolation' | 'background'>

/**
 * The picture that an encoded image shows, in its own size: upright, on the background colour.
 *
 * Any format libvips reads; grey, CMYK, 16-bit and transparent images become sRGB bytes; of an animation the first
 * frame counts. A truncated image is an error, a warning of its decoder is not. Plain JPEG and PNG are decoded in this
 * thread: libvips takes a millisecond to set up its work, several times what decoding a small picture takes.
 *
 * @throws {Error} of the decoder, saying what is wrong with the bytes.
 */
export function decodeOriginal(bytes: Uint8Array, { background }: Pick<DecodeSpec, 'background'>): Promise<Picture> {
  return decode(bytes, background, 0)
}

/**
 * The same, resized to the square that a model sees. A JPEG that is to become much smaller is decoded at a half, a
 * quarter or an eighth of its size, not below twice the square's; libvips shrinks what it decodes to that.
 */
export async function decodeImage(bytes: Uint8Array, spec: DecodeSpec): Promise<Picture> {
  return resizePicture(await decode(bytes, spec.background, 2 * spec.size), spec)
}

/** A picture resized to the square: stretched, or whole in the middle of the background. */
export function resizePicture(picture: Picture, { size, resize, interpolation, background }: DecodeSpec): Picture {
  const { width, height } = picture
  if (resize === 'stretch' || width === height) return resized(picture, { width: size, height: size }, interpolation)
  const longer = Math.max(width, height)
  const within = (side: number) => Math.max(1, Math.round((side * size) / longer))
  return centred(resized(picture, { width: within(width), height: within(height) }, interpolation), size, background)
}

/** @param least Sides that are enough, where the picture's are longer; 0: it comes in its own size. */
async function decode(bytes: Uint8Array, background: number, least: number): Promise<Picture> {
  return decodeJpeg(bytes, least) ?? decodePng(bytes, background) ?? decodeBySharp(bytes, background, least)
}

function centred({ width, height, data }: Picture, size: number, background: number): Picture {
  const square = new Uint8Array(size * size * 3).fill(background)
  const [left, top] = [Math.floor((size - width) / 2), Math.floor((size - height) / 2)]
  for (let y = 0; y < height; y++)
    square.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * size + left) * 3)
  return { width: size, height: size, data: square }
}
