import sharp from 'sharp'
import type { Picture } from '../augment/picture.ts'

/**
 * A picture of any format that libvips reads, as sRGB bytes: upright, on a grey background.
 *
 * @param least Where it is above 0 and both sides are larger, the picture comes with its shorter side so long.
 * @throws {Error} of the decoder, saying what is wrong with the bytes.
 */
export async function decodeBySharp(bytes: Uint8Array, background: number, least: number): Promise<Picture> {
  const image = sharp(bytes, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: { r: background, g: background, b: background } })
  if (least > 0) image.resize(least, least, { fit: 'outside', withoutEnlargement: true })
  const { data, info } = await image.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  if (info.channels !== 3) throw new Error(`the image decodes to ${info.channels} channels instead of 3`)
  return { width: info.width, height: info.height, data }
}
