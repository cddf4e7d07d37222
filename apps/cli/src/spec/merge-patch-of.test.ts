import { applyMergePatch } from '@baton/contracts'
import { expect, test } from 'vitest'
import { mergePatchOf } from './merge-patch-of.ts'

test('a patch holds what changed and no more, and makes the one of the other', () => {
  const before = { name: 'a', model: { name: 'convnet', width: 4, blocks: 2 }, stages: [{ epochs: 1 }, { epochs: 2 }] }
  const after = { name: 'a', model: { name: 'convnet', width: 8 }, stages: [{ epochs: 1 }, { epochs: 3 }], seed: 1 }
  const patch = mergePatchOf(before, after)
  expect(patch).toEqual({ model: { width: 8, blocks: null }, stages: [{ epochs: 1 }, { epochs: 3 }], seed: 1 })
  expect(applyMergePatch(before, patch)).toEqual(after)
  expect(mergePatchOf(after, after)).toEqual({})
})

test('an option of another name is in the patch whole', () => {
  const before = { model: { name: 'convnet', width: 4, blocks: 2 } }
  const after = { model: { name: 'resnet', width: 4 } }
  expect(mergePatchOf(before, after)).toEqual(after)
  expect(applyMergePatch(before, mergePatchOf(before, after))).toEqual(after)
})
