import { expect, test } from 'vitest'
import { afterPrefix, commonPrefixOf, compareBytes, justAfter, resumeAfter } from './order.ts'

test('names compare by their UTF-8 bytes, not by UTF-16', () => {
  const sorted = ['', 'A', 'a', 'a/', 'a/b', 'ab', 'é', '\u{ffff}', '\u{10000}', '\u{10ffff}']
  expect([...sorted].reverse().sort(compareBytes)).toEqual(sorted)
})

test.each(['a', 'a/', 'é', '\ud7ff', '\uffff', '\u{1f600}', 'a\u{10ffff}', '\u{10fffe}'])(
  'nothing that begins with %j lies at or above what comes after it',
  (prefix) => {
    const after = afterPrefix(prefix)!
    // A lone surrogate would become another character on its way to PostgreSQL.
    expect(Buffer.from(after).toString()).toBe(after)
    expect(compareBytes(after, `${prefix}\u{10ffff}\u{10ffff}`)).toBeGreaterThan(0)
    expect(after.startsWith(prefix)).toBe(false)
  },
)

test('nothing comes after the highest character', () => {
  expect(afterPrefix('\u{10ffff}\u{10ffff}')).toBeNull()
  expect(afterPrefix('')).toBeNull()
})

test('a common prefix ends with the first delimiter behind the prefix', () => {
  expect(commonPrefixOf('a/b/c', '', '/')).toBe('a/')
  expect(commonPrefixOf('a/b/c', 'a/', '/')).toBe('a/b/')
  expect(commonPrefixOf('a/b/c', 'a/b/', '/')).toBeNull()
  expect(commonPrefixOf('a--b', '', '--')).toBe('a--')
  expect(commonPrefixOf('a/b', '', '')).toBeNull()
})

test('a listing goes on behind all that a common prefix groups, and right behind a key', () => {
  expect(resumeAfter('a/', '', '/')).toBe('a0')
  expect(resumeAfter('a/b', '', '/')).toBe(justAfter('a/b'))
  expect(resumeAfter('a/', 'a/', '/')).toBe(justAfter('a/'))
})
