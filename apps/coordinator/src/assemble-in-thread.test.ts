import { assemble } from '@baton/evaluation'
import { expect, test } from 'vitest'
import { assembleInThread } from './assemble-in-thread.ts'
import { manifest, predictedBy, spec } from './fixtures/two-folds.ts'

const folds = predictedBy(7)

test('the thread computes what the function does', async () => {
  expect(await assembleInThread({ manifest, spec, folds })).toEqual(assemble({ manifest, spec, folds }))
})

test('a problem found in the thread keeps its code', async () => {
  const broken = [{ ...folds[0]!, oof: { ...folds[0]!.oof, sample: new Int32Array(0) } }, folds[1]!]
  await expect(assembleInThread({ manifest, spec, folds: broken })).rejects.toMatchObject({
    code: 'predictions-incomplete',
  })
})
