import { expect, test } from 'vitest'
import reference from '../fixtures/reference.json' with { type: 'json' }
import { rank, rankAverage } from './rank-average.ts'

const { labels, tables, ...expected } = reference.rank

test.each(['label', 'table'] as const)('rank average of scope %s agrees with SciPy, ties included', (scope) => {
  const mean = rankAverage(
    tables.map((table) => Float32Array.from(table)),
    labels,
    scope,
  )
  mean.forEach((value, i) => expect(value).toBeCloseTo(expected[scope][i]!, 6))
})

test('ranks keep the order of a table and do not see its scale', () => {
  const table = Float32Array.of(0.9, 0.1, 0.5, 0.5)
  expect([...rank(table, 2, 'table')]).toEqual([0.875, 0.125, 0.5, 0.5])
  expect([
    ...rank(
      table.map((p) => p / 10),
      2,
      'table',
    ),
  ]).toEqual([0.875, 0.125, 0.5, 0.5])
  expect([...rank(table, 2, 'label')]).toEqual([0.75, 0.25, 0.25, 0.75])
  expect([...rank(Float32Array.of(-1, -0, 0, -0.5), 1, 'table')]).toEqual([0.125, 0.75, 0.75, 0.375])
  expect(rank(new Float32Array(), 2, 'table')).toHaveLength(0)
})
