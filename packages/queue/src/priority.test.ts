import { expect, test } from 'vitest'
import { bullPriority } from './priority.ts'

test('a higher priority goes first, whatever its sign, and fits what BullMQ takes', () => {
  const bull = [Infinity, 1000, 1, 0, -1, -Infinity].map(bullPriority)
  expect(bull).toEqual(bull.toSorted((a, b) => a - b))
  expect(new Set(bull).size).toBe(bull.length)
  expect(Math.min(...bull)).toBeGreaterThanOrEqual(1)
  expect(Math.max(...bull)).toBeLessThanOrEqual(2_097_152)
})
