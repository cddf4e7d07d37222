import { expect, test } from 'vitest'
import { handOverSeconds, shouldHandOver } from './should-hand-over.ts'

const estimate = { step: 2, save: 1, upload: 20, uploadsAhead: 0, margin: 30 }

test('the training goes on while more is left than a hand-over takes', () => {
  expect(shouldHandOver({ ...estimate, secondsLeft: 53.1 })).toBe(false)
})

test('the training stops when what is left is what a hand-over takes', () => {
  expect(handOverSeconds({ ...estimate, secondsLeft: 53 })).toBe(53)
  expect(shouldHandOver({ ...estimate, secondsLeft: 53 })).toBe(true)
})

test('an upload under way is waited for, so the training stops earlier', () => {
  expect(shouldHandOver({ ...estimate, uploadsAhead: 1, secondsLeft: 73 })).toBe(true)
})

test('a session without an end never stops by itself', () => {
  expect(shouldHandOver({ ...estimate, secondsLeft: null })).toBe(false)
})
