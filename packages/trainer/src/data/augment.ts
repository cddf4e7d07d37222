import type { AugmentSpec } from '@baton/contracts'
import { integer, streamKey, uniform } from '@baton/random'

/** What is done to one picture: flipped left to right first, then moved. */
export interface Augmentation {
  readonly flip: boolean
  /** Pixels to the right. */
  readonly right: number
  /** Pixels down. */
  readonly down: number
}

/** What the augmentation of an epoch is a function of. */
export interface EpochKey {
  readonly seed: number
  readonly fold: number
  readonly stage: number
  /** Within the stage, 0-based. */
  readonly epoch: number
}

/**
 * The augmentation of each sample in one epoch, as a pure function of the key and the sample's index in the manifest:
 * the batch it comes in, and what was drawn before, do not matter.
 */
export function augmentationsOf(
  { flip, shift }: AugmentSpec,
  { seed, fold, stage, epoch }: EpochKey,
): (sample: number) => Augmentation {
  const keyOf = (op: string) => streamKey(seed, fold, stage, epoch, 'augment', op)
  const keys = { flip: keyOf('flip'), right: keyOf('right'), down: keyOf('down') }
  return (sample) => ({
    flip: uniform(keys.flip, sample) < flip,
    right: integer(keys.right, sample, 2 * shift + 1) - shift,
    down: integer(keys.down, sample, 2 * shift + 1) - shift,
  })
}

/**
 * Augments square RGB pictures in place; what a shift uncovers gets the background colour.
 *
 * @param images [n, size, size, 3]
 * @param augmentations One for each picture. [n]
 */
export function augmentImages(
  images: Uint8Array,
  augmentations: readonly Augmentation[],
  { size, background }: { size: number; background: number },
): void {
  const imageBytes = size * size * 3
  const source = new Uint8Array(imageBytes)
  for (const [i, augmentation] of augmentations.entries()) {
    const { flip, right, down } = augmentation
    if (!flip && right === 0 && down === 0) continue
    const image = images.subarray(i * imageBytes, (i + 1) * imageBytes)
    source.set(image)
    if (right !== 0 || down !== 0) image.fill(background)
    for (let y = Math.max(0, down); y < Math.min(size, size + down); y++)
      for (let x = Math.max(0, right); x < Math.min(size, size + right); x++) {
        const column = flip ? size - 1 - (x - right) : x - right
        const from = ((y - down) * size + column) * 3
        const to = (y * size + x) * 3
        image[to] = source[from]!
        image[to + 1] = source[from + 1]!
        image[to + 2] = source[from + 2]!
      }
  }
}
