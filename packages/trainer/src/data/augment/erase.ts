import type { ImageSpec } from '@baton/contracts'
import type { Size } from './affine.ts'
import { clip } from './noise.ts'
import type { Picture } from './picture.ts'

/** In pixels; `right` and `bottom` are the first ones outside. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export type Fill = 'mean' | 'colour' | 'noise'

/** Tries until a box is given up that does not fit into the picture. */
const tries = 10
/** An erased box draws fewer numbers than this. */
export const numbersPerBox = 4 * tries

/**
 * The box that random erasing blanks: its area in pixels is uniform between the two, its height over its width
 * log-uniform in [aspect, 1 / aspect]. The first of ten tries that is smaller than the picture counts; null when none is.
 *
 * @param draw The i-th number of this box, uniform in [0, 1).
 * @see Zhong et al.: Random Erasing Data Augmentation, 2017; timm.data.random_erasing
 */
export function erasedBox(
  { width, height }: Size,
  { from, to, aspect }: { from: number; to: number; aspect: number },
  draw: (i: number) => number,
): Box | null {
  for (let i = 0; i < tries; i++) {
    const area = from + (to - from) * draw(4 * i)
    const ratio = Math.exp(Math.log(aspect) * (1 - 2 * draw(4 * i + 1)))
    const boxHeight = Math.round(Math.sqrt(area * ratio))
    const boxWidth = Math.round(Math.sqrt(area / ratio))
    if (boxWidth >= width || boxHeight >= height) continue
    const top = Math.floor(draw(4 * i + 2) * (height - boxHeight + 1))
    const left = Math.floor(draw(4 * i + 3) * (width - boxWidth + 1))
    return { left, top, right: left + boxWidth, bottom: top + boxHeight }
  }
  return null
}

/**
 * The square that cutout blanks, as far as it lies in the picture: its centre may be any pixel.
 *
 * @param part Side in parts of the picture's.
 * @see DeVries, Taylor: Improved Regularization of Convolutional Neural Networks with Cutout, 2017
 */
export function cutoutBox({ width, height }: Size, part: number, draw: (i: number) => number): Box {
  const across = (length: number, u: number): [number, number] => {
    const side = Math.round(length * part)
    const start = Math.floor(u * length) - Math.floor(side / 2)
    return [Math.max(0, start), Math.min(length, start + side)]
  }
  const [left, right] = across(width, draw(0))
  const [top, bottom] = across(height, draw(1))
  return { left, top, right, bottom }
}

/**
 * Fills a box of a picture in place. What is normal with mean 0 and deviation 1 after normalising is, in bytes,
 *
 *   255 (mean + std z), clipped to 0 to 255,  z = 0 for `mean`
 *
 * so `mean` is within 0.5 / (255 std) of 0 for the model, 0.009 with ImageNet's, and noise ends about 2.1 deviations from 0.
 */
export function fillBox(
  { width, data }: Picture,
  { left, top, right, bottom }: Box,
  fill: Fill,
  { mean, std }: Pick<ImageSpec, 'mean' | 'std'>,
  normal: () => number,
): void {
  const byteOf = (colour: number, z: number) => clip(255 * (mean[colour]! + std[colour]! * z) + 0.5)
  const flat = fill === 'noise' ? null : [0, 1, 2].map((colour) => byteOf(colour, fill === 'mean' ? 0 : normal()))
  for (let y = top; y < bottom; y++)
    for (let at = (y * width + left) * 3; at < (y * width + right) * 3; at += 3)
      for (let colour = 0; colour < 3; colour++) data[at + colour] = flat ? flat[colour]! : byteOf(colour, normal())
}
