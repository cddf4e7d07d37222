import { expect, test } from 'vitest'
import { StageSpec } from '@baton/contracts'
import type { LayerGroup } from '../models/model.ts'
import { lrScales } from './lr-scale.ts'

const groups = ['stem', 'group1', 'head'].map((name): LayerGroup => ({ name, run: (x) => x }))
const aStage = (lrScale: unknown) =>
  StageSpec.parse({ name: 'only', epochs: 1, schedule: { name: 'constant', lr: 1 }, lrScale })
const factors = (lrScale: unknown, of = groups) => [...lrScales({ groups: of }, aStage(lrScale)).values()]

test.each<[what: string, lrScale: unknown, expected: number[]]>([
  ['nothing', null, [1, 1, 1]],
  ['layer decay', { decay: 0.5 }, [0.25, 0.5, 1]],
  // fastai.basics.even_mults(1e-5, 1e-3, 3) is [1e-5, 1e-4, 1e-3]
  ['a slice', { slice: 0.01 }, [0.01, 0.1, 1]],
  ['names', { groups: { stem: 0.02, head: 2 } }, [0.02, 1, 2]],
])('%s scales the groups in order', (_what, lrScale, expected) => {
  expect(factors(lrScale)).toEqual(expected)
})

test('a model of one group has factor 1, however it is told', () => {
  for (const lrScale of [{ decay: 0.5 }, { slice: 0.5 }]) expect(factors(lrScale, groups.slice(-1))).toEqual([1])
})

test('a group that the model lacks is named with those it has', () => {
  expect(() => factors({ groups: { trunk: 0.1 } })).toThrow(
    expect.objectContaining({
      code: 'spec-invalid',
      message: 'stage only scales the rate of the layer group trunk, which the model lacks; it has stem, group1, head',
    }) as Error,
  )
})
