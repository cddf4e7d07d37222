import { z } from 'zod'
import { checkOrder, Positive, Probability } from './parts.ts'
import type { AddFault } from './parts.ts'

/** How likely an operation is done to a picture. */
const always = { p: Probability.default(1) }
/** What shows where a picture was moved away: its mirror image without the edge (reflect-101), or the background. */
const Border = z.enum(['reflect', 'background'])
/** What an erased part is filled with: the mean colour, one random colour, or a random colour for each pixel. */
const Fill = z.enum(['mean', 'colour', 'noise']).default('mean')
/** Pictures are shrunk and enlarged by at most this part. */
const ScaleRange = z.number().min(0).max(0.9)
const Degrees = z.number().min(0).max(180)
/** Probability that a cut is taken from the centre instead of from anywhere. */
const centre = Probability.default(0)

/**
 * One thing that is done to a picture. Ranges are uniform. docs/spec/augment.md has the formula of each.
 */
const SingleOp = z.discriminatedUnion('op', [
  /** Mirrors left and right. */
  z.strictObject({ op: z.literal('flip'), p: Probability.default(0.5) }),
  z.strictObject({
    op: z.literal('shift'),
    ...always,
    /** Farthest to each side, in whole pixels. */
    pixels: z.int().min(1).max(256),
    border: Border.default('background'),
  }),
  /** Makes the whole picture larger or smaller. */
  z.strictObject({ op: z.literal('scale'), ...always, by: ScaleRange }),
  z.strictObject({ op: z.literal('rotate'), ...always, degrees: Degrees, border: Border.default('reflect') }),
  z.strictObject({
    op: z.literal('shift-scale-rotate'),
    ...always,
    /** Farthest to each side, in parts of the side. */
    shift: z.number().min(0).max(1).default(0),
    scale: ScaleRange.default(0),
    degrees: Degrees.default(0),
    border: Border.default('reflect'),
  }),
  z.strictObject({
    op: z.literal('crop'),
    ...always,
    /** Side of the square that is cut out, in pixels; null: as large as the model's pictures. */
    size: z.int().min(8).max(4096).nullable().default(null),
    centre,
  }),
  z.strictObject({
    op: z.literal('crop-if-needed'),
    ...always,
    /** A side longer than so many times the model's is cut to that. */
    factor: z.number().min(1).max(16).default(2),
    centre,
  }),
  z.strictObject({ op: z.literal('brightness'), ...always, by: z.number().min(0).max(1) }),
  z.strictObject({
    op: z.literal('contrast'),
    ...always,
    by: z.number().min(0).max(1),
    /** The brightness that stays as it is. */
    about: z.enum(['mean', 'black']).default('mean'),
  }),
  z.strictObject({ op: z.literal('gamma'), ...always, from: Positive.max(10), to: Positive.max(10) }),
  z.strictObject({
    op: z.literal('noise'),
    ...always,
    /** Range of the standard deviation, in units of 0 to 255. */
    from: z.number().min(0).max(255),
    to: z.number().min(0).max(255),
    /** Each colour gets noise of its own; otherwise a pixel gets lighter or darker. */
    perColour: z.boolean().default(true),
  }),
  z.strictObject({
    op: z.literal('erase'),
    ...always,
    /** Range of the erased area, in parts of the picture, all boxes together. */
    from: z.number().min(0).max(1).default(0.02),
    to: z
      .number()
      .min(0)
      .max(1)
      .default(1 / 3),
    /** Narrowest box: its width over its height, or the other way round. */
    aspect: z.number().min(0.05).max(1).default(0.3),
    boxes: z.int().min(1).max(16).default(1),
    fill: Fill,
  }),
  z.strictObject({
    op: z.literal('cutout'),
    ...always,
    holes: z.int().min(1).max(16).default(1),
    /** Side of the square that is blanked, in parts of the picture's. */
    size: z.number().min(0.01).max(1).default(0.5),
    fill: Fill,
  }),
])

export const AugmentOp = z.discriminatedUnion('op', [
  ...SingleOp.options,
  /** Where the picture is brought to the size of the model; docs/spec/augment.md says where it is otherwise. */
  z.strictObject({ op: z.literal('resize') }),
  z.strictObject({
    op: z.literal('one-of'),
    ...always,
    /** One of these is done, drawn in proportion to their `p`. */
    ops: z.array(SingleOp).min(1).max(16),
  }),
])
export type AugmentOp = z.infer<typeof AugmentOp>

const AugmentPreset = z.enum(['imet-256', 'imet-320'])
export type AugmentPreset = z.infer<typeof AugmentPreset>

/** Operations, done one after the other, or the name of a list of them. */
export const AugmentSpec = z.union([AugmentPreset, z.array(AugmentOp).max(32)], {
  error: 'must be a list of operations, or a preset: imet-256 or imet-320',
})
export type AugmentSpec = z.infer<typeof AugmentSpec>

/** Whether an operation gives a picture another size, which wants the picture as it was stored. */
export function changesSize(op: AugmentOp): boolean {
  if (op.op === 'one-of') return op.ops.some(changesSize)
  return op.op === 'scale' || op.op === 'crop' || op.op === 'crop-if-needed'
}

export function checkAugment(spec: AugmentSpec, fault: AddFault): void {
  if (typeof spec === 'string') return
  const resizeAt = spec.findIndex(({ op }) => op === 'resize')
  spec.forEach((op, i) => {
    checkOp(op, (path, message) => fault([i, ...path], message))
    if (resizeAt < 0 || i <= resizeAt) return
    if (op.op === 'resize') fault([i, 'op'], 'pictures are resized once; keep one resize')
    if (changesSize(op)) fault([i, 'op'], `${op.op} changes the size of the picture: put it before resize`)
  })
}

function checkOp(op: AugmentOp, fault: AddFault): void {
  if ('from' in op) checkOrder(op, ['from', 'to'], fault)
  if (op.op !== 'one-of') return
  op.ops.forEach((one, i) => {
    checkOp(one, (path, message) => fault(['ops', i, ...path], message))
  })
  if (op.ops.every(({ p }) => p === 0)) fault(['ops'], 'one of them must have a p above 0')
}
