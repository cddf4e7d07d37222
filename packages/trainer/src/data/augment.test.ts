import { expect, test } from 'vitest'
import { augmentationsOf, augmentImages } from './augment.ts'

const key = { seed: 1, fold: 0, stage: 0, epoch: 0 }
const size = 3
/** A 3x3 picture with pixel value 1 to 9, the same in every channel. */
const picture = () => Uint8Array.from({ length: 27 }, (_, i) => 1 + Math.floor(i / 3))
const rows = (image: Uint8Array) => [0, 1, 2].map((y) => [0, 1, 2].map((x) => image[(y * 3 + x) * 3]!))

function augmented(flip: boolean, right: number, down: number): number[][] {
  const image = picture()
  augmentImages(image, [{ flip, right, down }], { size, background: 0 })
  for (let i = 0; i < image.length; i += 3) expect(image[i] === image[i + 1] && image[i] === image[i + 2]).toBe(true)
  return rows(image)
}

test('a flip mirrors left and right, a shift moves and shows the background', () => {
  // prettier-ignore
  expect(augmented(false, 0, 0)).toEqual([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
  // prettier-ignore
  expect(augmented(true, 0, 0)).toEqual([[3, 2, 1], [6, 5, 4], [9, 8, 7]])
  // prettier-ignore
  expect(augmented(false, 1, 0)).toEqual([[0, 1, 2], [0, 4, 5], [0, 7, 8]])
  // prettier-ignore
  expect(augmented(false, -1, 2)).toEqual([[0, 0, 0], [0, 0, 0], [2, 3, 0]])
  // prettier-ignore
  expect(augmented(true, 1, -1)).toEqual([[0, 6, 5], [0, 9, 8], [0, 0, 0]])
  expect(augmented(false, 5, 0).flat()).toEqual(Array(9).fill(0))
})

test('each picture of a batch gets its own augmentation', () => {
  const images = new Uint8Array(54)
  images.set(picture())
  images.set(picture(), 27)
  const augmentations = [
    { flip: false, right: 0, down: 0 },
    { flip: true, right: 0, down: 0 },
  ]
  augmentImages(images, augmentations, { size, background: 0 })
  expect(rows(images.subarray(0, 27))).toEqual(rows(picture()))
  expect(rows(images.subarray(27))).toEqual(augmented(true, 0, 0))
})

test('an augmentation is a function of its key and sample, not of what was drawn before', () => {
  const spec = { flip: 0.5, shift: 4 }
  const of = augmentationsOf(spec, key)
  const list = (draw: typeof of) => Array.from({ length: 50 }, (_, sample) => draw(sample))
  const first = list(of)
  expect(list(of).reverse()).toEqual(first.toReversed())
  for (const other of [{ epoch: 1 }, { stage: 1 }, { fold: 1 }, { seed: 2 }])
    expect(list(augmentationsOf(spec, { ...key, ...other }))).not.toEqual(first)
})

test('flips come with their probability and shifts reach every distance up to their limit', () => {
  const draw = augmentationsOf({ flip: 0.25, shift: 2 }, key)
  const drawn = Array.from({ length: 4000 }, (_, sample) => draw(sample))
  const flips = drawn.filter(({ flip }) => flip).length
  expect(Math.abs(flips - 1000)).toBeLessThan(4 * Math.sqrt(4000 * 0.25 * 0.75))
  expect(new Set(drawn.map(({ right, down }) => `${right},${down}`)).size).toBe(25)
  expect(drawn.every(({ right, down }) => Math.abs(right) <= 2 && Math.abs(down) <= 2)).toBe(true)
  const none = augmentationsOf({ flip: 0, shift: 0 }, key)(7)
  expect(none).toEqual({ flip: false, right: 0, down: 0 })
})
