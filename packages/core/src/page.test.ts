import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor, pageOf } from './page.ts'

const byVersion = { order: 'version', keyOf: (row: { version: number }) => [row.version], itemOf: (row: object) => row }

test('a page says where the next one begins, the last one that there is none', () => {
  const rows = [{ version: 3 }, { version: 2 }, { version: 1 }]
  const first = pageOf(rows, 2, byVersion)
  expect(first.items).toEqual([{ version: 3 }, { version: 2 }])
  expect(decodeCursor('version', first.nextCursor!, ['number'])).toEqual([2])
  expect(pageOf(rows.slice(2), 2, byVersion).nextCursor).toBeNull()
})

test.each([
  ['of another order', encodeCursor('cv', [2])],
  ['of another shape', encodeCursor('version', ['2'])],
  ['cut', encodeCursor('version', [2]).slice(0, -3)],
  ['made up', 'zzz'],
  ['of an infinite number', Buffer.from('["version",1e999]').toString('base64url')],
])('a cursor %s is refused by name', (_, cursor) => {
  expect(() => decodeCursor('version', cursor, ['number'])).toThrow(
    expect.objectContaining({ code: 'request-invalid', faults: [expect.objectContaining({ pointer: '/cursor' })] }),
  )
})

test.each([
  ['int', 2 ** 40],
  ['int', 1.5],
  ['string', 'a\0'],
  ['string', '🙂'.slice(0, 1)],
  ['id', 'no uuid'],
  ['moment', 'yesterday'],
] as const)('what is no %s of the database is refused: %j', (type, part) => {
  expect(() => decodeCursor('order', encodeCursor('order', [part]), [type])).toThrow(
    expect.objectContaining({ code: 'request-invalid' }),
  )
})
