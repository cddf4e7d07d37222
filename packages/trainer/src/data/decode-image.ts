import type { ImageSpec } from '@baton/contracts'
import sharp from 'sharp'

export type DecodeSpec = Pick<ImageSpec, 'size' | 'resize' | 'background'>

/**
 * The picture a model sees, from an encoded image: upright, on the background colour, resized to the square.
 *
 * Any format libvips reads; grey, CMYK, 16-bit and transparent images become sRGB bytes; of an animation the first
 * frame counts. A truncated image is an error, a warning of its decoder is not.
 *
 * @returns RGB, row-major, 0 to 255. [size, size, 3]
 * @throws {Error} of the decoder, saying what is wrong with the bytes.
 */
export async function decodeImage(bytes: Uint8Array, { size, resize, background }: DecodeSpec): Promise<Uint8Array> {
  const colour = { r: background, g: background, b: background }
  const { data, info } = await sharp(bytes, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: colour })
    .resize(size, size, { fit: resize === 'stretch' ? 'fill' : 'contain', background: colour })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 3) throw new Error(`the image decodes to ${info.channels} channels instead of 3`)
  return data
}
