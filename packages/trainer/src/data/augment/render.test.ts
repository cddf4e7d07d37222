import { expect, test } from 'vitest'
import { compose, flipped, from, identity, resized, turned } from './affine.ts'
import { render } from './render.ts'

/** A grey picture from rows of numbers. */
function grey(rows: number[][]) {
  const data = Uint8Array.from(rows.flat().flatMap((value) => [value, value, value]))
  return { width: rows[0]!.length, height: rows.length, data }
}

function rowsOf({ width, height, data }: { width: number; height: number; data: Uint8Array }): number[][] {
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => data[(y * width + x) * 3]!))
}

const picture = grey([
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
])
const moved = (right: number, down: number, border: 'reflect' | number) =>
  rowsOf(render(picture, from(-right, -down), picture, border))

test('a flip mirrors left and right, a shift moves and shows the border', () => {
  // prettier-ignore
  expect(rowsOf(render(picture, flipped(picture), picture, 'reflect'))).toEqual([[3, 2, 1], [6, 5, 4], [9, 8, 7]])
  // prettier-ignore
  expect(moved(1, 0, 0)).toEqual([[0, 1, 2], [0, 4, 5], [0, 7, 8]])
  // prettier-ignore
  expect(moved(-1, 2, 0)).toEqual([[0, 0, 0], [0, 0, 0], [2, 3, 0]])
  // prettier-ignore
  expect(moved(2, -1, 'reflect')).toEqual([[6, 5, 4], [9, 8, 7], [6, 5, 4]])
  // Farther than the picture is wide, the mirror image is mirrored again.
  expect(moved(5, 0, 'reflect')[0]).toEqual([2, 1, 2])
  expect(moved(5, 0, 0).flat()).toEqual(Array(9).fill(0))
})

test('a quarter turn is exact, anticlockwise', () => {
  const turn = turned(picture, { degrees: 90, scale: 1, right: 0, down: 0 })
  // prettier-ignore
  expect(rowsOf(render(picture, turn, picture, 0))).toEqual([[3, 6, 9], [2, 5, 8], [1, 4, 7]])
})

test('moves laid over each other are the moves one after the other', () => {
  const larger = { width: 6, height: 6 }
  const both = compose(compose(flipped(picture), resized(picture, larger)), from(1, 2))
  const flippedFirst = render(picture, flipped(picture), picture, 'reflect')
  const scaled = render(flippedFirst, resized(picture, larger), larger, 'reflect')
  const cut = render(scaled, from(1, 2), { width: 4, height: 3 }, 'reflect')
  expect(rowsOf(render(picture, both, { width: 4, height: 3 }, 'reflect'))).toEqual(rowsOf(cut))
  expect(compose(identity, both)).toEqual(both)
})

test('a picture of one pixel shows itself everywhere', () => {
  const one = grey([[77]])
  const shown = render(
    one,
    turned(one, { degrees: 30, scale: 0.5, right: 2, down: 0 }),
    { width: 3, height: 3 },
    'reflect',
  )
  expect(new Set(rowsOf(shown).flat())).toEqual(new Set([77]))
})
