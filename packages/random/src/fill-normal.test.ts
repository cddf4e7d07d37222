import { expect, test } from 'vitest'
import { fillNormal } from './fill-normal.ts'
import reference from './fixtures/reference.json' with { type: 'json' }
import { streamKey } from './stream.ts'

const key = streamKey(42, 'weights')

function filled(length: number, ...rest: [deviation?: number]): Float32Array {
  const target = new Float32Array(length)
  fillNormal(key, target, ...rest)
  return target
}

test('each cell of the normal distribution, into its tails, holds as many numbers as is likely', () => {
  const count = 1_000_000
  const ends = [{ part: 0, at: -Infinity }, ...reference.normal, { part: 1, at: Infinity }]
  const counts = new Float64Array(ends.length - 1)
  const numbers = filled(count)
  for (const number of numbers) {
    let [low, high] = [0, counts.length]
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (ends[middle]!.at <= number) low = middle
      else high = middle
    }
    counts[low]!++
  }
  const terms = Array.from(counts, (found, i) => {
    const expected = count * (ends[i + 1]!.part - ends[i]!.part)
    return (found - expected) ** 2 / expected
  })
  expect(terms).toHaveLength(40)
  expect(terms.reduce((sum, term) => sum + term)).toBeLessThan(72.1) // 0.1 % quantile for 39 degrees of freedom
})

test('numbers are a function of key and place alone, and scaled by the deviation', () => {
  const numbers = filled(1000)
  expect(filled(10)).toEqual(numbers.subarray(0, 10))
  expect(filled(1000, 0.25)).toEqual(numbers.map((value) => value / 4))
  const others = new Float32Array(1000)
  fillNormal(streamKey(42, 'other weights'), others)
  expect(others.filter((value, i) => value === numbers[i])).toHaveLength(0)
})
