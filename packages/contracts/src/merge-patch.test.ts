import { expect, test } from 'vitest'
import { applyMergePatch } from './merge-patch.ts'

test.each([
  ['a key is replaced', { a: 1, b: 2 }, { a: 3 }, { a: 3, b: 2 }],
  ['a key is added', { a: 1 }, { b: { c: 2 } }, { a: 1, b: { c: 2 } }],
  ['null removes a key, at any depth', { a: { b: 1, c: 2 }, d: 3 }, { a: { b: null }, d: null }, { a: { c: 2 } }],
  ['null of a key that is not there changes nothing', { a: 1 }, { b: null }, { a: 1 }],
  ['objects are merged', { a: { b: 1, c: 2 } }, { a: { b: 3 } }, { a: { b: 3, c: 2 } }],
  ['lists are replaced whole, and keep their nulls', { a: [1, { b: 2 }] }, { a: [{ b: null }] }, { a: [{ b: null }] }],
  ['an object takes the place of what is none', { a: [1] }, { a: { b: 1, c: null } }, { a: { b: 1 } }],
  ['what is no object takes the place of all', { a: 1 }, [2], [2]],
  ['nothing changes nothing', { a: { b: [1] } }, {}, { a: { b: [1] } }],
] as const)('%s', (_, target, patch, merged) => {
  expect(applyMergePatch(target, patch)).toEqual(merged)
})

test('neither value is changed, and a key named like a prototype is a key', () => {
  const target = Object.freeze({ a: Object.freeze({ b: 1 }) })
  const patch: unknown = JSON.parse('{"a":{"b":null},"__proto__":{"polluted":true}}')
  const merged = applyMergePatch(target, patch) as Record<string, unknown>
  expect(Object.keys(merged)).toEqual(['a', '__proto__'])
  expect(merged.polluted).toBeUndefined()
  expect(target).toEqual({ a: { b: 1 } })
})
