import { expect, test } from 'vitest'
import { plotLines } from './plot.ts'

test('the highest fills the plot, a half of it stands half as tall, 0 is empty', () => {
  expect(plotLines([0, 2, 4, 1], 2)).toEqual(['  █ ', ' ██▄'])
})

test('what is not 0 is seen', () => {
  expect(plotLines([1, 1e-6], 1)).toEqual(['█▁'])
})

test('nothing but 0 is empty', () => {
  expect(plotLines([0, 0], 1)).toEqual(['  '])
})
