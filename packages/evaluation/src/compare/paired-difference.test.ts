import { describe, expect, test } from 'vitest'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { pairedDifference } from './paired-difference.ts'
import { studentQuantile, studentTail } from './student-t.ts'

const near = (value: number, digits = 10) => {
  const scale = Math.abs(value) || 1
  return { asymmetricMatch: (actual: number) => Math.abs(actual - value) <= scale * 10 ** -digits }
}

describe('as scipy has it', () => {
  test.each(reference.paired)('the difference of $left.length pairs, plain and corrected', (pairs) => {
    const { left, right, mean, std, plain, corrected } = pairs
    expect(pairedDifference(left, right)).toEqual({
      mean: near(mean),
      std: near(std),
      low: near(plain.low, 9),
      high: near(plain.high, 9),
      pValue: near(plain.pValue, 9),
    })
    const { rho, low, high, pValue } = corrected
    expect(pairedDifference(left, right, { rho })).toMatchObject({
      low: near(low, 9),
      high: near(high, 9),
      pValue: near(pValue, 9),
    })
  })

  test.each(reference.student.quantile)('t of %i degrees at level %f', (degrees, level, value) => {
    expect(studentQuantile(level, degrees)).toEqual(near(value, 11))
  })

  test.each(reference.student.tail)('the tail of %i degrees beyond %f', (degrees, t, value) => {
    expect(studentTail(t, degrees)).toEqual(near(value, 11))
  })
})

test('no spread is no doubt', () => {
  expect(pairedDifference([0.5, 0.5], [0.5, 0.5])).toMatchObject({ low: 0, high: 0, pValue: 1 })
  expect(pairedDifference([0.5, 0.5], [0.75, 0.75])).toMatchObject({ low: 0.25, high: 0.25, pValue: 0 })
})

test('what has no pairs is not compared', () => {
  expect(() => pairedDifference([1], [1])).toThrow('at least two')
  expect(() => pairedDifference([1, 2], [1])).toThrow('pairs are needed')
})
