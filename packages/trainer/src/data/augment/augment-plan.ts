import type { AugmentOp } from '@baton/contracts'
import { resizePicture } from '../decode/decode-image.ts'
import { openCanvas } from './canvas.ts'
import type { Canvas } from './canvas.ts'
import { drawsIn } from './draws.ts'
import type { Draw, Scope } from './draws.ts'
import type { ModelPicture } from './model-picture.ts'
import { doMove, isMoveOp } from './move-op.ts'
import type { MoveOp } from './move-op.ts'
import type { Picture, PictureKind } from './picture.ts'
import { doPixels } from './pixel-op.ts'
import type { PixelOp } from './pixel-op.ts'

/** What is done to pictures, as plain data: a thread is told it. */
export interface AugmentPlan {
  readonly ops: readonly AugmentOp[]
  /** How many of them come before the picture is resized. */
  readonly beforeResize: number
  readonly model: ModelPicture
}

/** What the first operation takes: pictures as they are stored, or squares of the model's size. */
export function takenBy({ beforeResize, model }: AugmentPlan): PictureKind {
  return beforeResize > 0 ? 'original' : model.size
}

/** Augments one picture, which stays as it is. The very picture comes back where nothing was done to it. */
export type Augment = (picture: Picture, sample: number) => Picture

/**
 * Augments to squares of the model's size: a pure function of plan, scope, sample and picture.
 *
 * @param scope What random parameters are a function of, beside the sample.
 */
export function augmentBy({ ops, beforeResize, model }: AugmentPlan, scope: Scope): Augment {
  const drawsOf = drawsIn(scope)
  return (picture, sample) => {
    const apply = (canvas: Canvas, part: readonly AugmentOp[], first: number) =>
      part.forEach((op, i) => applyOp(canvas, op, model, (name) => drawsOf(`${first + i} ${name}`, sample)))
    const canvas = openCanvas(picture, false)
    apply(canvas, ops.slice(0, beforeResize), 0)
    const { width, height } = canvas.size
    const isSquare = width === model.size && height === model.size
    const square = isSquare ? canvas : openCanvas(resizePicture(canvas.settle(), model), true)
    apply(square, ops.slice(beforeResize), beforeResize)
    return square.settle()
  }
}

/** @param drawOf What an operation of this name draws at this place of the list. */
function applyOp(canvas: Canvas, op: AugmentOp, model: ModelPicture, drawOf: (name: string) => Draw): void {
  if (op.op === 'resize') return
  const draw = drawOf(op.op)
  if (draw.uniform('p') >= op.p) return
  if (op.op !== 'one-of') return doOp(canvas, op, model, draw)
  const i = chosen(op.ops, draw.uniform('one'))
  const one = op.ops[i]!
  doOp(canvas, one, model, drawOf(`one-of ${i} ${one.op}`))
}

function doOp(canvas: Canvas, op: MoveOp | PixelOp, model: ModelPicture, draw: Draw): void {
  if (isMoveOp(op)) doMove(canvas, op, model, draw)
  else doPixels(canvas.settleToWrite(), op, model, draw)
}

/** The index whose part of all `p` the number falls into. */
function chosen(ops: readonly { readonly p: number }[], u: number): number {
  const weights = ops.map(({ p }) => p)
  let left = u * weights.reduce((sum, weight) => sum + weight, 0)
  const found = weights.findIndex((weight) => (left -= weight) < 0)
  // Rounding may leave a trace at the very end.
  return found >= 0 ? found : weights.findLastIndex((weight) => weight > 0)
}
