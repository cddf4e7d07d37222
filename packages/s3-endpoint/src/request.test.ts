import { expect, test } from 'vitest'
import type { S3Error } from './errors.ts'
import { isBucketName } from './bucket/name.ts'
import { readTarget } from './request.ts'

function target(url: string, prefix = '/s3'): unknown {
  try {
    const { bucket, key, query } = readTarget(url, prefix)
    return [bucket, key, query.canonical()]
  } catch (error) {
    return (error as S3Error).code
  }
}

test.each([
  ['/s3', ['', '', '']],
  ['/s3/', ['', '', '']],
  ['/s3/bucket', ['bucket', '', '']],
  ['/s3/bucket/?list-type=2&prefix=a%2Fb+c', ['bucket', '', 'list-type=2&prefix=a%2Fb%20c']],
  ['/s3/bucket/a/b%20c//d/', ['bucket', 'a/b c//d/', '']],
  ['/s3/bucket/../../etc/passwd', ['bucket', '../../etc/passwd', '']],
  ['/s3/bucket/%E2%82%AC?b=2&a=1&a=0', ['bucket', '€', 'a=0&a=1&b=2']],
  [`/s3/bucket/${'k'.repeat(1024)}`, ['bucket', 'k'.repeat(1024), '']],
  [`/s3/bucket/${'%C3%A9'.repeat(513)}`, 'KeyTooLongError'],
  ['/s3x/bucket', 'InvalidURI'],
  ['/', 'InvalidURI'],
  ['', 'InvalidURI'],
  ['http://elsewhere/s3/bucket', 'InvalidURI'],
  ['/s3/bucket/%', 'InvalidURI'],
  ['/s3/bucket/%FF', 'InvalidURI'],
  ['/s3/bucket/a?b=%zz', 'InvalidURI'],
  ['/s3/bucket/a?prefix=%00', 'InvalidURI'],
  ['/s3/buck%00et', 'InvalidURI'],
  ['/s3/bucket/a%00b', 'InvalidArgument'],
])('the address %s names %j', (url, expected) => {
  expect(target(url)).toEqual(expected)
})

test('without a prefix the path begins with the bucket', () => {
  expect(target('/bucket/key', '')).toEqual(['bucket', 'key', ''])
})

test('buckets are named as on Amazon S3', () => {
  const good = ['abc', 'my-bucket.1', '1-2', 'a'.repeat(63)]
  const bad = ['', 'ab', 'A-bucket', '-abc', 'abc-', 'a..b', '192.168.0.1', 'a_b', 'a'.repeat(64), '../x', 'é-bucket']
  expect(good.filter((name) => !isBucketName(name))).toEqual([])
  expect(bad.filter(isBucketName)).toEqual([])
})
