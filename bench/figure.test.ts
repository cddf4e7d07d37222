import { expect, test } from 'vitest'
import { quantile, resultOf } from './figure.ts'
import { tableOf } from './report.ts'

test('a goal is judged by the median of the repetitions', () => {
  const values = [9, 1, 2]
  const at = (goal: { atMost: number } | { atLeast: number }) => resultOf({ name: 'x', unit: 'ms', values, goal }).isMet
  expect(at({ atMost: 2 })).toBe(true)
  expect(at({ atMost: 1.9 })).toBe(false)
  expect(at({ atLeast: 2 })).toBe(true)
  expect(at({ atLeast: 2.1 })).toBe(false)
  expect(resultOf({ name: 'x', unit: 'ms', values })).toMatchObject({ min: 1, median: 2, max: 9, isMet: null })
})

test('a quantile lies between its neighbours', () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5)
  expect(quantile([1, 2, 3, 4], 1)).toBe(4)
  expect(quantile([7], 0.99)).toBe(7)
})

test('the table names what was missed', () => {
  const results = [
    resultOf({ name: 'slow', unit: 'ms', values: [1234], goal: { atMost: 25 } }),
    resultOf({ name: 'fast', unit: '×', values: [34.56], goal: { atLeast: 30 } }),
  ]
  expect(tableOf(results)).toBe(
    [
      'figure    min  median    max  unit  goal',
      'slow    1,234   1,234  1,234  ms    ≤ 25  MISSED',
      'fast     34.6    34.6   34.6  ×     ≥ 30  met',
    ].join('\n'),
  )
})
