import { expect, test } from 'vitest'
import { parseOrThrow } from '../parse.ts'
import type { AppError } from '../problems.ts'
import { cellLabel, expandMatrix } from './expand-matrix.ts'
import { MatrixSpec } from './matrix-spec.ts'

const base = {
  name: 'ablation',
  dataset: 'emoji@1',
  folds: { count: 3 },
  model: { name: 'convnet', width: 4 },
  image: { size: 16 },
  stages: [
    { name: 'head', train: 'head', epochs: 1, schedule: { name: 'constant', lr: 0.01 } },
    { name: 'all', epochs: 2, schedule: { name: 'cosine', lr: 0.01 } },
  ],
}

function expand(matrix: unknown, changes: object = {}) {
  return expandMatrix(parseOrThrow(MatrixSpec, { ...base, ...changes, matrix }, 'spec-invalid'))
}

function faultsOf(matrix: unknown, changes: object = {}) {
  try {
    expand(matrix, changes)
  } catch (error) {
    expect(error).toMatchObject({ code: 'spec-invalid' })
    return (error as AppError).faults
  }
  throw new Error('the matrix was accepted')
}

test('a matrix has every combination, the first axis slowest, each named by what it has otherwise', () => {
  const cells = expand({ seed: [1, 2], 'stages.all.schedule.lr': [0.1, 0.2] })
  expect(cells.map(({ values }) => values)).toEqual([
    { seed: 1, 'stages.all.schedule.lr': 0.1 },
    { seed: 1, 'stages.all.schedule.lr': 0.2 },
    { seed: 2, 'stages.all.schedule.lr': 0.1 },
    { seed: 2, 'stages.all.schedule.lr': 0.2 },
  ])
  expect(cells[1]!.spec).toMatchObject({
    name: 'ablation: seed=1, lr=0.2',
    seed: 1,
    stages: [
      { name: 'head', schedule: { lr: 0.01 } },
      { name: 'all', epochs: 2, schedule: { name: 'cosine', lr: 0.2 } },
    ],
  })
  expect(Object.keys(cells[0]!.spec)).not.toContain('matrix')
})

test('combinations are excluded and experiments included', () => {
  const cells = expand({
    seed: [1, 2],
    'folds.count': [3, 4],
    exclude: [{ seed: 1, 'folds.count': 4 }, { seed: 7 }],
    include: [{}, { '/stages/head': null }],
  })
  expect(cells.map(({ values }) => cellLabel(values))).toEqual([
    'seed=1, count=3',
    'seed=2, count=3',
    'seed=2, count=4',
    'as it is',
    'head=null',
  ])
  expect(cells.at(-1)!.spec.stages.map(({ name }) => name)).toEqual(['all'])
})

test('an option of another name replaces the one of the spec', () => {
  const [same, other] = expand({ model: [{ name: 'convnet', blocks: 2 }, { name: 'resnet' }] })
  expect(same!.spec.model).toMatchObject({ name: 'convnet', width: 4, blocks: 2 })
  expect(other!.spec).toMatchObject({ name: 'ablation: model=resnet', model: { name: 'resnet', width: 16 } })
})

test('values are laid over what a recipe says, and recipes are values', () => {
  const spec = { name: 'ablation', dataset: 'imet', recipe: 'imet/ceshine-320', image: { size: 64 } }
  const matrix = { include: [{}, { 'stages.all.mix': null }, { recipe: 'imet/ceshine-256', seed: 1 }] }
  const cells = expandMatrix(parseOrThrow(MatrixSpec, { ...spec, matrix }, 'spec-invalid'))
  expect(cells.map((cell) => cell.spec)).toMatchObject([
    { recipe: 'imet/ceshine-320', augment: 'imet-320', stages: [{}, { mix: { alpha: 0.2 }, batch: 48 }] },
    { recipe: 'imet/ceshine-320', stages: [{}, { mix: null, batch: 48 }] },
    { recipe: 'imet/ceshine-256', augment: 'imet-256', seed: 1, image: { size: 64 }, stages: [{}, { batch: 32 }] },
  ])
})

test.each<[what: string, matrix: unknown, pointer: string, detail: RegExp]>([
  ['too many experiments', { seed: range(33), priority: [1, 2] }, '/matrix', /has 66 experiments, at most 64/],
  ['far too many', { a: range(60), b: range(60), c: range(60) }, '/matrix', /has 216000 experiments/],
  ['nothing that is left', { seed: [1], exclude: [{ seed: 1 }] }, '/matrix', /all combinations are excluded/],
  ['no values', { seed: [] }, '/matrix/seed', /must be a list of at least 1 entry/],
  ['a value that is no list', { seed: 1 }, '/matrix/seed', /must be a list/],
  ['two of the same', { seed: [1, 1] }, '/matrix', /the same experiment twice: seed=1, and seed=1/],
  ['a fault in one', { seed: [1, -1] }, '/seed', /must be at least 0, not -1 \(where seed=-1\)/],
  ['a path to nothing', { 'image.sise': [8] }, '/image/sise', /is not known; did you mean "size"\?/],
])('a matrix with %s is refused', (_, matrix, pointer, detail) => {
  expect(faultsOf(matrix)).toEqual([{ pointer, detail: expect.stringMatching(detail) as string }])
})

test('a fault that all have is told once', () => {
  expect(faultsOf({ seed: [1, 2] }, { image: { size: 1 } })).toEqual([
    { pointer: '/image/size', detail: 'must be at least 8, not 1' },
  ])
})

test.each<[what: string, halving: unknown, matrix: unknown, pointer: string, detail: RegExp]>([
  ['other samples', {}, { seed: [1, 2] }, '/halving', /seed is another where seed=2/],
  ['another metric', {}, { 'metric.beta': [1, 2] }, '/halving', /metric is another where beta=2/],
  ['nothing left', { afterFolds: 3 }, { 'image.size': [16, 32] }, '/halving/afterFolds', /must be below 3/],
])('halving of %s is refused', (_, halving, matrix, pointer, detail) => {
  expect(faultsOf(matrix, { halving })).toEqual([{ pointer, detail: expect.stringMatching(detail) as string }])
})

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
