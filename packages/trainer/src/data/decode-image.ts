import type { ImageSpec } from '@baton/contracts'
import sharp from 'sharp'
import type { Sharp } from 'sharp'
import type { Picture } from './augment/picture.ts'

export type DecodeSpec = Pick<ImageSpec, 'size' | 'resize' | 'background'>

/**
 * The picture that an encoded image shows, in its own size: upright, on the background colour.
 *
 * Any format libvips reads; grey, CMYK, 16-bit and transparent images become sRGB bytes; of an animation the first
 * frame counts. A truncated image is an error, a warning of its decoder is not.
 *
 * @throws {Error} of the decoder, saying what is wrong with the bytes.
 */
export function decodeOriginal(bytes: Uint8Array, { background }: Pick<DecodeSpec, 'background'>): Promise<Picture> {
  return toPicture(upright(bytes, background))
}

/** The same, resized to the square that a model sees. */
export function decodeImage(bytes: Uint8Array, spec: DecodeSpec): Promise<Picture> {
  return toPicture(toSquare(upright(bytes, spec.background), spec))
}

/** A picture resized to the square. Lanczos-3, as for `decodeImage`. */
export function resizePicture({ data, width, height }: Picture, spec: DecodeSpec): Promise<Picture> {
  return toPicture(toSquare(sharp(data, { raw: { width, height, channels: 3 } }), spec))
}

function upright(bytes: Uint8Array, background: number): Sharp {
  return sharp(bytes, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: grey(background) })
}

function toSquare(image: Sharp, { size, resize, background }: DecodeSpec): Sharp {
  return image.resize(size, size, { fit: resize === 'stretch' ? 'fill' : 'contain', background: grey(background) })
}

async function toPicture(image: Sharp): Promise<Picture> {
  const { data, info } = await image.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  if (info.channels !== 3) throw new Error(`the image decodes to ${info.channels} channels instead of 3`)
  return { width: info.width, height: info.height, data }
}

function grey(value: number): { r: number; g: number; b: number } {
  return { r: value, g: value, b: value }
}
