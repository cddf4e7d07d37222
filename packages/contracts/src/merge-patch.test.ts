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
  [
    'an option of another name replaces',
    { a: { name: 'x', b: 1 } },
    { a: { name: 'y', c: 2, d: null } },
    { a: { name: 'y', c: 2 } },
  ],
  [
    'an option of the same name is merged',
    { a: { name: 'x', b: 1 } },
    { a: { name: 'x', c: 2 } },
    { a: { name: 'x', b: 1, c: 2 } },
  ],
  ['the name of the whole is a key', { name: 'x', b: 1 }, { name: 'y' }, { name: 'y', b: 1 }],
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

test.each<[what: string, patch: Record<string, unknown>, merged: unknown]>([
  [
    'changed by its name',
    { all: { epochs: 5 } },
    [{ name: 'head' }, { name: 'all', epochs: 5, loss: { name: 'bce' } }],
  ],
  ['changed by its index', { 1: { epochs: 5 } }, [{ name: 'head' }, { name: 'all', epochs: 5, loss: { name: 'bce' } }]],
  ['taken out by null', { head: null }, [{ name: 'all', epochs: 1, loss: { name: 'bce' } }]],
  ['renamed', { head: { name: 'first' } }, [{ name: 'first' }, { name: 'all', epochs: 1, loss: { name: 'bce' } }]],
  [
    'added at the end',
    { fine: { epochs: 2, loss: null } },
    [{ name: 'head' }, { name: 'all', epochs: 1, loss: { name: 'bce' } }, { name: 'fine', epochs: 2 }],
  ],
])('an entry of a list with names is %s', (_, stages, merged) => {
  const spec = { stages: [{ name: 'head' }, { name: 'all', epochs: 1, loss: { name: 'bce' } }] }
  expect(applyMergePatch(spec, { stages })).toEqual({ stages: merged })
})

test('an option takes the place of a list of options', () => {
  expect(applyMergePatch({ model: [{ name: 'a' }, { name: 'b' }] }, { model: { name: 'c' } })).toEqual({
    model: { name: 'c' },
  })
})
