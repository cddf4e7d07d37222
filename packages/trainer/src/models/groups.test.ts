import { expect, test } from 'vitest'
import { StageSpec } from '@baton/contracts'
import type { LayerGroup } from './model.ts'
import { trainedGroups } from './groups.ts'

const groups = ['stem', 'group1', 'group2', 'head'].map((name): LayerGroup => ({ name, run: (x) => x }))
const aStage = (train: unknown) =>
  StageSpec.parse({ name: 'only', epochs: 1, schedule: { name: 'constant', lr: 1 }, train })

test.each<[train: unknown, expected: string[]]>([
  ['head', ['head']],
  ['last-two', ['group2', 'head']],
  ['all', ['stem', 'group1', 'group2', 'head']],
  [
    ['head', 'stem'],
    ['head', 'stem'],
  ],
])('a stage that trains %s trains the groups %s', (train, expected) => {
  expect([...trainedGroups({ groups }, aStage(train))]).toEqual(expected)
})

test('of a model of one group, the last two are one', () => {
  expect([...trainedGroups({ groups: groups.slice(-1) }, aStage('last-two'))]).toEqual(['head'])
})

test('a group that the model lacks is named with those it has', () => {
  expect(() => trainedGroups({ groups }, aStage(['group1', 'group3']))).toThrow(
    expect.objectContaining({
      code: 'spec-invalid',
      message: 'stage only trains the layer group group3, which the model lacks; it has stem, group1, group2, head',
    }) as Error,
  )
})
