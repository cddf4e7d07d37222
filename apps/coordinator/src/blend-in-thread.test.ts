import { blendExperiments } from '@baton/evaluation'
import type { BlendInput } from '@baton/evaluation'
import { expect, test } from 'vitest'
import { blendInThread } from './blend-in-thread.ts'
import { manifest, predictedBy, spec } from './fixtures/two-folds.ts'

const members = [3, 7].map((stride) => ({ spec, folds: predictedBy(stride) }))
const blend = { by: 'weighted' as const, scope: 'table' as const, seed: 0 }
const input: BlendInput = { manifest, labels: null, metric: spec.metric, blend, members }

test('the thread computes what the function does', async () => {
  expect(await blendInThread(input)).toEqual(blendExperiments(input))
})

test('a problem found in the thread keeps its code', async () => {
  const [first, second] = members as [(typeof members)[0], (typeof members)[0]]
  const broken = { ...input, members: [first, { ...second, folds: second.folds.slice(1) }] }
  await expect(blendInThread(broken)).rejects.toMatchObject({ code: 'predictions-incomplete' })
})
