import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { statelessUniform } from './stateless-uniform.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const draw = (run: number, step: number, salt: number) => [
  ...statelessUniform(tf, [50, 40], tf.tensor1d([run, step], 'int32'), salt).dataSync(),
]

test('equal seeds and salts draw equal numbers; another run, step or salt draws others', () => {
  const reference = draw(0, 0, 0)
  expect(draw(0, 0, 0)).toEqual(reference)
  for (const other of [draw(1, 0, 0), draw(0, 1, 0), draw(0, 0, 1)]) expect(other).not.toEqual(reference)
})

test('the numbers are spread evenly over [0, 1)', () => {
  const numbers = draw(7, 3, 5)
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers)).toBeLessThan(1)
  const tenths = numbers.map((number) => Math.floor(number * 10))
  for (let tenth = 0; tenth < 10; tenth++) {
    const share = tenths.filter((value) => value === tenth).length / numbers.length
    expect(Math.abs(share - 0.1)).toBeLessThan(0.03)
  }
})
