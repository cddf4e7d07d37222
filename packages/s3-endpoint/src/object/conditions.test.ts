import { describe, expect, test } from 'vitest'
import type { S3Error } from '../errors.ts'
import { isNotModified, readDeleteCondition, readWriteCondition } from './conditions.ts'

const modifiedAt = new Date('2026-03-01T12:00:00.700Z')
const now = Date.parse('2026-06-01T00:00:00Z')
const version = { etag: 'abc', modifiedAt }
const before = 'Sun, 01 Mar 2026 11:59:59 GMT'
const same = 'Sun, 01 Mar 2026 12:00:00 GMT'
const after = 'Sun, 01 Mar 2026 12:00:01 GMT'

function read(headers: Record<string, string>): string {
  try {
    return isNotModified(new Map(Object.entries(headers)), version, now) ? '304' : '200'
  } catch (error) {
    return String((error as S3Error).status)
  }
}

describe('a read', () => {
  test.each([
    [{}, '200'],
    [{ 'if-match': '"abc"' }, '200'],
    [{ 'if-match': 'abc' }, '200'],
    [{ 'if-match': '*' }, '200'],
    [{ 'if-match': '"x", "abc"' }, '200'],
    [{ 'if-match': '"x"' }, '412'],
    [{ 'if-none-match': '"abc"' }, '304'],
    [{ 'if-none-match': '*' }, '304'],
    [{ 'if-none-match': '"x"' }, '200'],
    [{ 'if-modified-since': before }, '200'],
    [{ 'if-modified-since': same }, '304'],
    [{ 'if-modified-since': after }, '304'],
    [{ 'if-unmodified-since': before }, '412'],
    [{ 'if-unmodified-since': same }, '200'],
    // An ETag says more than a date, so the date beside it does not count (RFC 9110, 13.2.2).
    [{ 'if-match': '"abc"', 'if-unmodified-since': before }, '200'],
    [{ 'if-none-match': '"x"', 'if-modified-since': after }, '200'],
    [{ 'if-match': '"x"', 'if-none-match': '"abc"' }, '412'],
    [{ 'if-modified-since': 'nonsense' }, '200'],
    [{ 'if-modified-since': 'Tue, 01 Dec 2099 00:00:00 GMT' }, '200'],
  ])('%j is answered %s', (headers, expected) => {
    expect(read(headers)).toBe(expected)
  })
})

describe('a write', () => {
  const condition = (headers: Record<string, string>) => {
    try {
      return readWriteCondition(new Map(Object.entries(headers)))
    } catch (error) {
      return (error as S3Error).code
    }
  }

  test('knows two conditions and refuses the others, rather than to write without them', () => {
    expect(condition({})).toEqual({ kind: 'any' })
    expect(condition({ 'if-none-match': '*' })).toEqual({ kind: 'absent' })
    expect(condition({ 'if-match': '"abc"' })).toEqual({ kind: 'match', etag: 'abc' })
    expect(condition({ 'if-none-match': '"abc"' })).toBe('NotImplemented')
    expect(condition({ 'if-none-match': '*', 'if-match': '"abc"' })).toBe('NotImplemented')
  })
})

test('a deletion may name what it means to delete', () => {
  const headers = new Map([
    ['if-match', '"abc"'],
    ['x-amz-if-match-size', '12'],
    ['x-amz-if-match-last-modified-time', same],
  ])
  expect(readDeleteCondition(headers)).toEqual({
    etag: 'abc',
    sizeBytes: 12,
    modifiedAt: new Date('2026-03-01T12:00:00Z'),
  })
  expect(readDeleteCondition(new Map([['if-match', '*']]))).toEqual({})
})
