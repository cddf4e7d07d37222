import { expect, test } from 'vitest'
import { jsonDiff } from './spec-diff.ts'

test('equal values do not differ, whatever the order of their keys', () => {
  expect(jsonDiff({ a: [1, { b: null }], c: 'x' }, { c: 'x', a: [1, { b: null }] })).toEqual([])
})

test('a difference is named where it is, and what one side has alone without the other', () => {
  const left = { same: 1, 'a/b': { '~': 1 }, list: [1, 2, 3], kind: { name: 'x' }, gone: null }
  const right = { same: 1, 'a/b': { '~': 2 }, list: [1, 5], kind: ['x'], come: false }
  expect(jsonDiff(left, right)).toEqual([
    { pointer: '/a~1b/~0', left: 1, right: 2 },
    { pointer: '/list/1', left: 2, right: 5 },
    { pointer: '/list/2', left: 3 },
    { pointer: '/kind', left: { name: 'x' }, right: ['x'] },
    { pointer: '/gone', left: null },
    { pointer: '/come', right: false },
  ])
})
