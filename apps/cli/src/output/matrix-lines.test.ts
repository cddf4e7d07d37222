import type { Matrix } from '@baton/contracts'
import { expect, test } from 'vitest'
import { matrixLines } from './matrix-lines.ts'

const cell: Matrix['cells'][number] = {
  id: '019abcde-0000-7000-8000-0123456789ab',
  version: 41,
  name: 'ablation: as it is',
  values: {},
  status: 'completed',
  foldsTotal: 5,
  foldsCompleted: 5,
  cv: 0.61,
  cvMean: 0.6,
  cvStd: 0.01,
  stopped: null,
  difference: null,
}

test('a matrix is a line for each experiment, the others with their difference from the baseline', () => {
  const difference = {
    folds: 5,
    mean: -0.02,
    std: 0.01,
    level: 0.95,
    low: -0.04,
    high: 0.001,
    pValue: 0.04,
    pHolm: 0.08,
  }
  const stopped = { folds: 1, best: 41, behind: 0.05, bound: 0.02 }
  const matrix: Matrix = {
    project: 'imet',
    version: 41,
    name: 'ablation',
    createdAt: '2026-11-28T00:00:00.000Z',
    baseline: 41,
    halving: { margin: 0.02, afterFolds: 1 },
    foldsCompared: 1,
    cells: [
      cell,
      { ...cell, version: 42, values: { 'stages.all.loss': { name: 'focal' } }, cv: 0.59, difference },
      { ...cell, version: 43, values: { seed: 2 }, status: 'cancelled', stopped, foldsCompleted: 1, cv: null },
    ],
    warnings: ['#43: folds are not comparable: seed 0 on the left, 2 on the right'],
  }
  expect(matrixLines(matrix)).toEqual([
    'imet #41 to #43  ablation',
    'warning: #43: folds are not comparable: seed 0 on the left, 2 on the right',
    '',
    'version  with        status                folds      CV  difference  interval                p  p (Holm)',
    '#41      as it is    completed               5/5  0.6100    baseline  -                       -         -',
    '#42      loss=focal  completed               5/5  0.5900     −0.0200  −0.0400 to +0.0010  0.040     0.080',
    '#43      seed=2      cancelled by halving    1/5       -           -  -                       -         -',
    '#43 cancelled by halving: after its first fold 0.0500 behind #41, more than 0.0200',
    '',
    'differences from #41 fold by fold: 95 % intervals of a paired t-test, corrected',
  ])
})
