import { expect, test } from 'vitest'
import { storable } from './storable.ts'

test('NUL and halves of characters become U+FFFD, in keys too; everything else stays', () => {
  const cut = '🙂'.slice(0, 1)
  expect(storable({ [`a\0`]: [`${cut}x`, '🙂', 1.5, null, true] })).toEqual({
    'a\ufffd': ['\ufffdx', '🙂', 1.5, null, true],
  })
})

test('a value as deep as memory allows is refused, not recursed into', () => {
  const deep = JSON.parse('['.repeat(200_000) + ']'.repeat(200_000)) as unknown
  expect(() => storable(deep)).toThrow(expect.objectContaining({ code: 'request-invalid' }))
})
