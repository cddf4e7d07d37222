import type { AugmentOp } from '@baton/contracts'
import { assertNever } from '@baton/contracts/assert-never'
import { flipped, from, resized, turned } from './affine.ts'
import type { Size } from './affine.ts'
import type { Canvas } from './canvas.ts'
import type { Draw } from './draws.ts'
import type { ModelPicture } from './model-picture.ts'
import type { Border } from './render.ts'

const names = ['flip', 'shift', 'scale', 'rotate', 'shift-scale-rotate', 'crop', 'crop-if-needed'] as const

/** An operation that moves the picture and leaves its colours as they are. */
export type MoveOp = Extract<AugmentOp, { op: (typeof names)[number] }>

export function isMoveOp(op: AugmentOp): op is MoveOp {
  return (names as readonly string[]).includes(op.op)
}

/** Does what is drawn for one picture. */
export function doMove(canvas: Canvas, op: MoveOp, model: ModelPicture, draw: Draw): void {
  const { size } = canvas
  switch (op.op) {
    case 'flip':
      return canvas.move(flipped(size), size, null)
    case 'shift': {
      const [right, down] = [stepsOf(draw, 'right', op.pixels), stepsOf(draw, 'down', op.pixels)]
      return canvas.move(from(-right, -down), size, borderOf(op, model))
    }
    case 'scale': {
      const fresh = scaled(size, 1 + draw.within('scale', op.by))
      return canvas.move(resized(size, fresh), fresh, 'reflect')
    }
    case 'rotate':
      return turn(canvas, { ...op, shift: 0, scale: 0 }, draw, borderOf(op, model))
    case 'shift-scale-rotate':
      return turn(canvas, op, draw, borderOf(op, model))
    case 'crop': {
      const side = op.size ?? model.size
      return crop(canvas, { width: side, height: side }, op.centre, draw)
    }
    case 'crop-if-needed': {
      const most = Math.round(op.factor * model.size)
      const wanted = { width: Math.min(size.width, most), height: Math.min(size.height, most) }
      return wanted.width < size.width || wanted.height < size.height
        ? crop(canvas, wanted, op.centre, draw)
        : undefined
    }
    default:
      return assertNever(op)
  }
}

function borderOf({ border }: { border: 'reflect' | 'background' }, { background }: ModelPicture): Border {
  return border === 'reflect' ? border : background
}

/** Whole steps to either side. */
function stepsOf(draw: Draw, side: string, most: number): number {
  return draw.integer(side, 2 * most + 1) - most
}

function scaled({ width, height }: Size, factor: number): Size {
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) }
}

interface Turn {
  readonly degrees: number
  readonly scale: number
  readonly shift: number
}

function turn(canvas: Canvas, { degrees, scale, shift }: Turn, draw: Draw, border: Border): void {
  const { size } = canvas
  const drawn = {
    degrees: draw.within('degrees', degrees),
    scale: 1 + draw.within('scale', scale),
    right: draw.within('right', shift) * size.width,
    down: draw.within('down', shift) * size.height,
  }
  canvas.move(turned(size, drawn), size, border)
}

/** Cuts out a part of this size. Where it is larger than the picture, that lies in its middle, between mirror images. */
function crop(canvas: Canvas, wanted: Size, centre: number, draw: Draw): void {
  const { size } = canvas
  const isCentred = draw.uniform('centre') < centre
  const start = (room: number, side: string) =>
    isCentred || room < 0 ? Math.floor(room / 2) : draw.integer(side, room + 1)
  const [left, top] = [start(size.width - wanted.width, 'left'), start(size.height - wanted.height, 'top')]
  canvas.move(from(left, top), wanted, left < 0 || top < 0 ? 'reflect' : null)
}
