import { expect, test } from 'vitest'
import { attemptSpan, experimentSpan, offerSpan, writeTraceparent } from './span-context.ts'

const experimentId = '019abcde-0000-7000-8000-0123456789ab'

test('spans of one experiment share the trace that its id names, and each has an id of its own', () => {
  const spans = [
    experimentSpan(experimentId),
    offerSpan(experimentId, 'fold', 1),
    attemptSpan(experimentId, 'fold', 1),
    attemptSpan(experimentId, 'fold', 2),
    attemptSpan(experimentId, 'other', 2),
  ]
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(['019abcde0000700080000123456789ab']))
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(5)
  expect(attemptSpan(experimentId, 'fold', 2)).toEqual(spans[3])
})

test('a traceparent is as W3C has it', () => {
  expect(writeTraceparent(experimentSpan(experimentId))).toMatch(/^00-019abcde0000700080000123456789ab-[\da-f]{16}-01$/)
})
