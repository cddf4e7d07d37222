import type { AugmentOp } from '@baton/contracts'
import { assertNever } from '@baton/contracts/assert-never'
import { mapBytes, meanOf } from './colour.ts'
import type { Draw } from './draws.ts'
import { cutoutBox, erasedBox, fillBox, numbersPerBox } from './erase.ts'
import type { Box } from './erase.ts'
import type { ModelPicture } from './model-picture.ts'
import type { MoveOp } from './move-op.ts'
import { addNoise } from './noise.ts'
import type { Picture } from './picture.ts'

/** An operation that changes pixels where they are. */
export type PixelOp = Exclude<AugmentOp, MoveOp | { op: 'resize' | 'one-of' }>

/** Does what is drawn for one picture, in place. */
export function doPixels(picture: Picture, op: PixelOp, model: ModelPicture, draw: Draw): void {
  const { data } = picture
  switch (op.op) {
    case 'brightness': {
      const added = 255 * draw.within('by', op.by)
      return mapBytes(data, (byte) => byte + added)
    }
    case 'contrast': {
      const factor = 1 + draw.within('by', op.by)
      const about = op.about === 'mean' ? meanOf(data) : 0
      return mapBytes(data, (byte) => about + (byte - about) * factor)
    }
    case 'gamma': {
      const exponent = between(op, draw.uniform('exponent'))
      return mapBytes(data, (byte) => 255 * (byte / 255) ** exponent)
    }
    case 'noise':
      return addNoise(data, draw.normal('pixels'), between(op, draw.uniform('std')), op.perColour)
    case 'erase':
      return fillBoxes(picture, op, model, draw, erasedBoxes(picture, op, draw))
    case 'cutout':
      return fillBoxes(picture, op, model, draw, cutoutBoxes(picture, op, draw))
    default:
      return assertNever(op)
  }
}

function between({ from, to }: { from: number; to: number }, u: number): number {
  return from + (to - from) * u
}

function erasedBoxes(picture: Picture, { boxes, from, to, aspect }: Extract<PixelOp, { op: 'erase' }>, draw: Draw) {
  const pixelsEach = (picture.width * picture.height) / boxes
  const range = { from: from * pixelsEach, to: to * pixelsEach, aspect }
  return Array.from({ length: boxes }, (_, i) =>
    erasedBox(picture, range, (j) => draw.uniform('box', i * numbersPerBox + j)),
  ).filter((box) => box !== null)
}

function cutoutBoxes(picture: Picture, { holes, size }: Extract<PixelOp, { op: 'cutout' }>, draw: Draw): Box[] {
  return Array.from({ length: holes }, (_, i) => cutoutBox(picture, size, (j) => draw.uniform('hole', 2 * i + j)))
}

function fillBoxes(
  picture: Picture,
  { fill }: Extract<PixelOp, { op: 'erase' | 'cutout' }>,
  model: ModelPicture,
  draw: Draw,
  boxes: readonly Box[],
): void {
  const normal = draw.normal('fill')
  for (const box of boxes) fillBox(picture, box, fill, model, normal)
}
