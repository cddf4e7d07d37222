import { expect, test } from 'vitest'
import { tableLines } from './table.ts'

test('columns are as wide as what is in them, numbers end under each other', () => {
  const rows = [
    { name: 'first', score: 0.5 },
    { name: 'a longer one', score: null },
  ]
  expect(
    tableLines(rows, [
      { title: 'score', value: ({ score }) => score, align: 'right' },
      { title: 'name', value: ({ name }) => name },
    ]),
  ).toEqual(['score  name', '  0.5  first', '    -  a longer one'])
})

test('a cell cannot break out of its line', () => {
  const [, line] = tableLines([{ name: 'a\nb\u001b[31m' }], [{ title: 'name', value: ({ name }) => name }])
  expect(line).toBe('a\ufffdb\ufffd[31m')
})
