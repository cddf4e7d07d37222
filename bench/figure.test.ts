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

test('what could not be measured has no numbers and misses nothing', () => {
  const figure = { name: 'x', unit: '×', values: [], goal: { atLeast: 1 }, lacking: 'no such processor' } as const
  expect(resultOf(figure)).toMatchObject({ min: null, median: null, max: null, isMet: null })
  expect(() => resultOf({ name: 'x', unit: '×', values: [] })).toThrow('no value')
  expect(tableOf([resultOf(figure)])).toMatch(/x +– +– +– +× +≥ 1 +not measured: no such processor/)
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
