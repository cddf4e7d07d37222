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
])('a cursor %s is refused by name', (_, cursor) => {
  expect(() => decodeCursor('version', cursor, ['number'])).toThrow(
    expect.objectContaining({ code: 'request-invalid', faults: [expect.objectContaining({ pointer: '/cursor' })] }),
  )
})
