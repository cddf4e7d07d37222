import { expect, test } from 'vitest'
import { parseTraceparent } from './traceparent.ts'

const [traceId, spanId] = ['a1'.repeat(16), 'b2'.repeat(8)]

test('a context is read from its traceparent, of this version or a later one', () => {
  expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId })
  expect(parseTraceparent(`01-${traceId}-${spanId}-00-more`)).toEqual({ traceId, spanId })
})

test.each([
  undefined,
  null,
  '',
  'nonsense',
  '00-1234-5678-01',
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${'G'.repeat(32)}-${spanId}-01`,
])('%s is no context', (text) => {
  expect(parseTraceparent(text)).toBeNull()
})
