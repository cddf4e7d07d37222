import { describe, expect, test } from 'vitest'
import type { S3Error } from '../errors.ts'
import { Query } from '../query.ts'
import type { S3Request } from '../request.ts'
import type { ObjectRecord } from './record.ts'
import { selectBytes } from './range.ts'

const modifiedAt = new Date('2026-03-01T12:00:00.700Z')

interface Asked {
  readonly range?: string
  readonly ifRange?: string
  readonly query?: string
}

function select(sizes: number[], { range, ifRange, query = '' }: Asked) {
  const request = {
    headers: new Map([
      ...(range === undefined ? [] : [['range', range] as const]),
      ...(ifRange === undefined ? [] : [['if-range', ifRange] as const]),
    ]),
    query: new Query(query),
  } as unknown as S3Request
  const object = {
    etag: 'abc',
    modifiedAt,
    sizes,
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
  } as unknown as ObjectRecord
  try {
    const { first, last, partial } = selectBytes(request, object)
    return partial ? `${first}-${last}` : 'whole'
  } catch (error) {
    return (error as S3Error).code
  }
}

describe('a range of 100 bytes', () => {
  test.each([
    ['bytes=0-0', '0-0'],
    ['bytes=0-', '0-99'],
    ['bytes=5-200', '5-99'],
    ['bytes=-1', '99-99'],
    ['bytes=-200', '0-99'],
    ['bytes=99-99', '99-99'],
    ['bytes=100-', 'InvalidRange'],
    ['bytes=-0', 'InvalidRange'],
    ['bytes=10-5', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=0-1,5-6', 'whole'],
    ['bytes=a-b', 'whole'],
    ['items=0-1', 'whole'],
    [' bytes=0-1', 'whole'],
  ])('%s is %s', (range, expected) => {
    expect(select([100], { range })).toBe(expected)
  })

  test('of nothing has no bytes', () => {
    expect(select([0], { range: 'bytes=0-' })).toBe('InvalidRange')
    expect(select([0], { range: 'bytes=-5' })).toBe('whole')
    expect(select([0], {})).toBe('whole')
  })
})

test('a range of another version than the named one is not given', () => {
  const ask = (ifRange: string) => select([100], { range: 'bytes=50-', ifRange })
  expect(ask('"abc"')).toBe('50-99')
  expect(ask('Sun, 01 Mar 2026 12:00:00 GMT')).toBe('50-99')
  expect(ask('"other"')).toBe('whole')
  expect(ask('Sun, 01 Mar 2026 12:00:01 GMT')).toBe('whole')
})

describe('a part', () => {
  test.each([
    ['partNumber=1', '0-9'],
    ['partNumber=2', '10-29'],
    ['partNumber=3', 'InvalidPartNumber'],
    ['partNumber=0', 'InvalidArgument'],
    ['partNumber=10001', 'InvalidArgument'],
    ['partNumber=x', 'InvalidArgument'],
  ])('%s is %s', (query, expected) => {
    expect(select([10, 20], { query })).toBe(expected)
  })

  test('and a range cannot be asked for at once', () => {
    expect(select([10], { query: 'partNumber=1', range: 'bytes=0-1' })).toBe('InvalidRequest')
  })
})
