import { expect, test } from 'vitest'
import { thinCurve } from './thin-curve.ts'

/** A curve like a loss: it falls and jitters. Counter-based, so the same each time. */
const aCurve = (length: number) =>
  Array.from({ length }, (_, step) => ({ step, value: Math.exp(-step / 500) + ((step * 7919) % 101) / 1000 }))

test('a curve that is short enough stays as it is', () => {
  const points = aCurve(10)
  expect(thinCurve(points, 10)).toEqual(points)
  expect(thinCurve([], 4)).toEqual([])
})

test.each([4, 5, 50, 499, 999])('a thousand points become at most %i, in order, each one of them', (count) => {
  const points = aCurve(1000)
  const thin = thinCurve(points, count)
  expect(thin.length).toBeLessThanOrEqual(count)
  expect(thin.length).toBeGreaterThanOrEqual(count - 2)
  expect(thin.every((point) => points.includes(point))).toBe(true)
  expect(thin.map(({ step }) => step)).toEqual(thin.map(({ step }) => step).toSorted((a, b) => a - b))
})

test('first, last, lowest and highest are kept, though one point of a flat curve', () => {
  const points = Array.from({ length: 10_000 }, (_, step) => ({ step, value: 1 }))
  points[4321]!.value = 9
  points[4323]!.value = -9
  const thin = thinCurve(points, 8)
  for (const step of [0, 4321, 4323, 9999]) expect(thin).toContain(points[step])
})

test('three buckets by hand: of each the point that stands out from the line to the mean of the next', () => {
  const values = [0, 1, 5, 1, 0, -5, 0, 0]
  const points = values.map((value, step) => ({ step, value }))
  // Inner points in buckets of two: {1, 5}, {1, 0}, {-5, 0}.
  expect(thinCurve(points, 7).map(({ step }) => step)).toEqual([0, 2, 3, 5, 7])
})
