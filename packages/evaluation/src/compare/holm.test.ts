import { expect, test } from 'vitest'
import { holm } from './holm.ts'

// As R has it: p.adjust(c(0.01, 0.04, 0.03, 0.005), 'holm'), and the same of ties and of what exceeds 1.
test.each([
  [
    [0.01, 0.04, 0.03, 0.005],
    [0.03, 0.06, 0.06, 0.02],
  ],
  [
    [0.02, 0.02, 0.7],
    [0.06, 0.06, 0.7],
  ],
  [
    [0.6, 0.9],
    [1, 1],
  ],
  [[0.2], [0.2]],
  [[], []],
])('%j becomes %j', (given, corrected) => {
  expect(holm(given).map((p) => Number(p.toPrecision(12)))).toEqual(corrected)
})
