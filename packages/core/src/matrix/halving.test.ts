import { parseSpec } from '@baton/contracts'
import type { HalvingSpec } from '@baton/contracts'
import { describe, expect, test } from 'vitest'
import type { MatrixCellRecord } from '../store.ts'
import { decisionsOf } from './halving.ts'

const spec = parseSpec({
  name: 'cell',
  dataset: 'emoji',
  folds: { count: 5 },
  model: { name: 'convnet' },
  image: { size: 8 },
  stages: [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.001 } }],
})

/** An experiment whose first folds scored so; each rung has the same scores again. */
function aCell(version: number, scores: readonly number[], changes: Partial<MatrixCellRecord> = {}): MatrixCellRecord {
  return {
    experimentId: String(version),
    version,
    name: `cell ${version}`,
    status: 'running',
    values: {},
    stopped: null,
    spec,
    cv: null,
    cvMean: null,
    cvStd: null,
    rungs: Object.fromEntries(scores.map((_, i) => [i + 1, scores.slice(0, i + 1)])),
    folds: [],
    ...changes,
  }
}

const halving: HalvingSpec = { margin: 0.02, afterFolds: 1 }
const decide = (
  cells: MatrixCellRecord[],
  { foldsCompared = 0, ...changes }: Partial<HalvingSpec & { foldsCompared: number }> = {},
) =>
  decisionsOf({ cells, foldsCompared }, { ...halving, ...changes }).map(({ folds, stops }) => [
    folds,
    stops.map(([{ version }]) => version),
  ])

test('what is behind by more than the bound is stopped, and says by how much', () => {
  const [decision] = decisionsOf(
    { cells: [aCell(1, [0.6]), aCell(2, [0.581]), aCell(3, [0.5])], foldsCompared: 0 },
    halving,
  )
  expect(decision!.stops).toEqual([
    [
      expect.objectContaining({ version: 3 }),
      { folds: 1, best: 1, behind: expect.closeTo(0.1) as number, bound: 0.02 },
    ],
  ])
})

describe('nothing is decided', () => {
  test('before all have finished the folds', () => {
    expect(decide([aCell(1, [0.6]), aCell(2, []), aCell(3, [0.5])])).toEqual([])
  })
  test('twice', () => {
    expect(decide([aCell(1, [0.6]), aCell(2, [0.5])], { foldsCompared: 1 })).toEqual([])
  })
  test('before as many folds as are asked for', () => {
    const cells = [aCell(1, [0.6, 0.6]), aCell(2, [0.5, 0.5])]
    expect(decide(cells, { afterFolds: 3 })).toEqual([])
    expect(decide(cells, { afterFolds: 2 })).toEqual([[2, [2]]])
  })
  test('after the last fold, when nothing is left to save', () => {
    const all = [0.6, 0.6, 0.6, 0.6, 0.6]
    expect(decide([aCell(1, all), aCell(2, all)])).toEqual([
      [1, []],
      [2, []],
      [3, []],
      [4, []],
    ])
  })
})

test('what failed or was cancelled is not waited for, and is nobody’s best', () => {
  const cells = [
    aCell(1, [0.9], { status: 'failed' }),
    aCell(2, [], { status: 'cancelled' }),
    aCell(3, [0.6]),
    aCell(4, [0.59]),
  ]
  expect(decide(cells)).toEqual([[1, []]])
})

test('what has finished may be the best, and is not stopped', () => {
  const done = [0.6, 0.6, 0.6, 0.6, 0.6]
  expect(decide([aCell(1, done, { status: 'completed' }), aCell(2, [0.5])])).toEqual([
    [1, [2]],
    [2, []],
    [3, []],
    [4, []],
  ])
  expect(decide([aCell(1, [0.7]), aCell(2, done, { status: 'completed' })])).toEqual([[1, []]])
})

test('the bound tightens as folds finish: margin · √((1/k + ρ)/(1 + ρ))', () => {
  // Behind by 0.018 in each: within 0.02 after one fold, beyond 0.02 · √(0.75/1.25) = 0.0155 after two.
  const cells = [aCell(1, [0.6, 0.6]), aCell(2, [0.582, 0.582])]
  expect(decide(cells)).toEqual([
    [1, []],
    [2, [2]],
  ])
})

test('what one decision stops is not waited for by the next', () => {
  expect(decide([aCell(1, [0.6, 0.6]), aCell(2, [0.5]), aCell(3, [0.595, 0.5])])).toEqual([
    [1, [2]],
    [2, [3]],
  ])
})
