import type { AugmentPreset, AugmentSpec } from '@baton/contracts'
import { AugmentOp, changesSize } from '@baton/contracts'
import { isMoveOp } from './move-op.ts'

/** A preset's operations: of its training, and of a view of its stochastic test-time augmentation. */
interface Preset {
  readonly train: readonly AugmentOp[]
  readonly views: readonly AugmentOp[]
}

/** With their defaults. */
function parsed(ops: readonly unknown[]): AugmentOp[] {
  return ops.map((op) => AugmentOp.parse(op))
}

const scale = { op: 'scale', p: 0.5, by: 0.125 }
/** One of a random crop, with .9, and the centre. */
const crop = { op: 'crop', centre: 0.1 }

/**
 * imet-256: ceshine's transforms in the competition, for a model of 256 px and pictures of 300: imet/transforms.py at
 *   330a19a of github.com/ceshine/imet-collection-2019, with albumentations' defaults where it names none.
 * imet-320: those after it, as the write-up has them: everything is resized to the square, and cut only where a side is
 *   longer than twice the model's. It names no strength of the noise: imgaug's default, 1 to 5 % of 255, is taken.
 */
const presets: Readonly<Record<AugmentPreset, Preset>> = {
  'imet-256': {
    train: parsed([
      scale,
      { op: 'rotate', degrees: 20 },
      crop,
      { op: 'flip' },
      { op: 'contrast', p: 0.5, by: 0.2, about: 'black' },
      { op: 'gamma', p: 0.5, from: 0.8, to: 1.2 },
      { op: 'brightness', p: 0.5, by: 0.2 },
    ]),
    views: parsed([scale, crop, { op: 'flip' }]),
  },
  'imet-320': {
    train: parsed([
      { op: 'flip' },
      {
        op: 'one-of',
        p: 0.3,
        ops: [
          { op: 'brightness', by: 0.1 },
          { op: 'contrast', by: 0.1, about: 'black' },
        ],
      },
      { op: 'shift-scale-rotate', p: 0.3, shift: 0.1, degrees: 15 },
      { op: 'noise', p: 0.3, from: 2.55, to: 12.75, perColour: false },
      { op: 'crop-if-needed', factor: 2 },
      { op: 'resize' },
    ]),
    views: parsed([{ op: 'crop-if-needed', factor: 2 }, { op: 'resize' }, { op: 'flip' }]),
  },
}

/** What is done to a train picture, one after the other. */
export function trainOps(spec: AugmentSpec): readonly AugmentOp[] {
  return typeof spec === 'string' ? presets[spec].train : spec
}

/** What is drawn anew for each view of a prediction: what moves the picture, not what changes its colours. */
export function viewOps(spec: AugmentSpec): readonly AugmentOp[] {
  return typeof spec === 'string' ? presets[spec].views : spec.flatMap(geometryOf)
}

function geometryOf(op: AugmentOp): AugmentOp[] {
  if (op.op !== 'one-of') return isMoveOp(op) || op.op === 'resize' ? [op] : []
  // The others count as nothing done.
  const ops = op.ops.filter(isMoveOp)
  return ops.length === 0 ? [] : [{ ...op, ops, p: op.p * (weightOf(ops) / weightOf(op.ops)) }]
}

function weightOf(ops: readonly { readonly p: number }[]): number {
  return ops.reduce((sum, { p }) => sum + p, 0)
}

/** A prediction's plain view: nothing drawn, and what is cut to size is cut from the centre. */
export function plainOps(spec: AugmentSpec): readonly AugmentOp[] {
  return trainOps(spec).flatMap((op): AugmentOp[] => {
    if (op.op === 'resize') return [op]
    if (op.op !== 'crop' && op.op !== 'crop-if-needed') return []
    return op.p < 0.5 ? [] : [{ ...op, p: 1, centre: 1 }]
  })
}

/** How many of the operations come before the picture is resized: all up to the last that changes its size. */
export function resizePlace(ops: readonly AugmentOp[]): number {
  const named = ops.findIndex(({ op }) => op === 'resize')
  return named >= 0 ? named : ops.findLastIndex(changesSize) + 1
}
