import type { MixSpec } from '@baton/contracts'
import { assertNever } from '@baton/contracts'
import { beta, integer, permutation, streamKey, uniform } from '@baton/random'
import type { Box } from './augment/erase.ts'
import type { Scope } from './augment/draws.ts'

/** Rows of a batch in pairs. */
interface Pairs {
  /** Row of the other one. [n] */
  readonly partner: Int32Array
  /** Part that a row keeps of itself; 1 where it is not mixed. [n] */
  readonly lambda: Float32Array
}

/** Pictures to be averaged with those of a batch. */
export interface Blend {
  /** RGB, 0 to 255. [n, size, size, 3] */
  readonly partners: Uint8Array
  /** Part that a picture keeps of itself; 1 where it is not mixed. [n] */
  readonly lambda: Float32Array
}

/** What is drawn for a batch: `boxes` of the partners' pictures are pasted in, or pictures are averaged. */
interface Mix extends Pairs {
  readonly boxes: readonly Box[] | null
}

/**
 * Mixes the labels of a batch, and what a teacher says of it, and pastes boxes, in place.
 *
 * @param images [n, size, size, 3]
 * @param labels [n, classes]; `teacher` too
 * @returns How the step averages the pictures, in floats: bytes would round what is faint away; null with cutmix
 */
export function mixBatch(
  spec: MixSpec,
  scope: Scope,
  { images, labels, teacher }: { images: Uint8Array; labels: Float32Array; teacher: Float32Array | null },
  { n, size }: { n: number; size: number },
): Blend | null {
  const { boxes, ...pairs } = drawMix(spec, scope, n, size)
  mixLabels(labels, pairs)
  if (teacher) mixLabels(teacher, pairs)
  if (boxes === null) return { partners: partnersOf(images, pairs), lambda: pairs.lambda }
  pasteBoxes(images, size, pairs.partner, boxes)
  return null
}

function partnersOf(images: Uint8Array, { partner }: Pairs): Uint8Array {
  const bytes = images.length / partner.length
  const partners = new Uint8Array(images.length)
  partner.forEach((other, row) => partners.set(images.subarray(other * bytes, (other + 1) * bytes), row * bytes))
  return partners
}

/**
 * How a batch of n is mixed, as a pure function of the scope. Partners are a permutation of the batch, so a sample may
 * be its own.
 *
 *   mixup    λ ~ Beta(α, α), λ ← max(λ, 1 − λ)
 *   cutmix   λ ~ Beta(α, α), a box of √(1 − λ) of each side about any pixel, λ ← 1 − the part of the picture in the box
 *
 * @param size Side of the pictures in pixels.
 * @see Zhang et al.: mixup, 2017; Yun et al.: CutMix, 2019; timm.data.mixup
 */
export function drawMix(spec: MixSpec, scope: Scope, n: number, size: number): Mix {
  const key = (parameter: string) => streamKey(...scope, spec.name, parameter)
  const keys = { p: key('p'), lambda: key('lambda'), x: key('x'), y: key('y') }
  const index = (row: number) => (spec.per === 'batch' ? 0 : row)
  const drawn = Float64Array.from({ length: n }, (_, row) => {
    const i = index(row)
    return uniform(keys.p, i) < spec.p ? beta(keys.lambda, i, spec.alpha, spec.alpha) : 1
  })
  const partner = Int32Array.from(permutation(key('partner'), n))
  switch (spec.name) {
    case 'mixup':
      return { partner, lambda: Float32Array.from(drawn, (lambda) => Math.max(lambda, 1 - lambda)), boxes: null }
    case 'cutmix': {
      const centre = (axis: 'x' | 'y', row: number) => integer(keys[axis], index(row), size)
      const boxes = Array.from(drawn, (lambda, row) => cutmixBox(size, lambda, centre('x', row), centre('y', row)))
      return { partner, lambda: Float32Array.from(boxes, (box) => 1 - areaOf(box) / (size * size)), boxes }
    }
    default:
      return assertNever(spec)
  }
}

/** timm's rand_bbox, without a margin. */
export function cutmixBox(size: number, lambda: number, x: number, y: number): Box {
  const side = Math.floor(size * Math.sqrt(1 - lambda))
  const clip = (at: number) => Math.min(size, Math.max(0, at))
  const before = Math.floor(side / 2)
  const after = Math.floor((side + 1) / 2)
  return { left: clip(x - before), top: clip(y - before), right: clip(x + after), bottom: clip(y + after) }
}

function areaOf({ left, top, right, bottom }: Box): number {
  return (right - left) * (bottom - top)
}

/**
 * y ← λ y + (1 − λ) y of the partner, in place.
 *
 * @param labels [n, classes]
 */
export function mixLabels(labels: Float32Array, { partner, lambda }: Pairs): void {
  const classes = labels.length / partner.length
  const plain = labels.slice()
  partner.forEach((other, row) => {
    const own = lambda[row]!
    for (let label = 0; label < classes; label++)
      labels[row * classes + label] = own * plain[row * classes + label]! + (1 - own) * plain[other * classes + label]!
  })
}

/** Pastes each box of the partner's picture, in place. @param images [n, size, size, 3] */
export function pasteBoxes(images: Uint8Array, size: number, partner: Int32Array, boxes: readonly Box[]): void {
  const plain = images.slice()
  const rowOf = (sample: number, y: number) => (sample * size + y) * size
  boxes.forEach(({ left, top, right, bottom }, sample) => {
    for (let y = top; y < bottom; y++) {
      const from = rowOf(partner[sample]!, y)
      images.set(plain.subarray((from + left) * 3, (from + right) * 3), (rowOf(sample, y) + left) * 3)
    }
  })
}
