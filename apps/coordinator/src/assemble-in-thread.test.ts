import { ExperimentSpec } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { assemble, samplesOf, splitFolds } from '@baton/evaluation'
import { expect, test } from 'vitest'
import { assembleInThread } from './assemble-in-thread.ts'

const manifest: DatasetManifest = {
  format: 'baton.dataset/1',
  labelGroups: [{ name: 'all', labels: ['a', 'b', 'c'] }],
  shards: [{ digest: '0'.repeat(64), sizeBytes: 120 }],
  samples: Array.from({ length: 12 }, (_, i) => ({
    id: `s${i}`,
    split: 'train' as const,
    group: null,
    labels: [i % 3],
    shard: 0,
    offset: i * 10,
    length: 10,
    digest: '1'.repeat(64),
  })),
  licences: [],
}
const spec = ExperimentSpec.parse({
  name: 'thread',
  dataset: 'd',
  folds: { count: 2 },
  model: { name: 'convnet' },
  image: { size: 8 },
  stages: [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.1 } }],
})
const foldOf = splitFolds(manifest, spec.folds, spec.seed)
const folds = [0, 1].map((fold) => {
  const sample = samplesOf(manifest, 'train').filter((index) => foldOf[index] === fold)
  const probability = Float32Array.from({ length: sample.length * 3 }, (_, i) => ((i * 7) % 10) / 10)
  return { fold, oof: { sample, probability }, test: null }
})

test('the thread computes what the function does', async () => {
  expect(await assembleInThread({ manifest, spec, folds })).toEqual(assemble({ manifest, spec, folds }))
})

test('a problem found in the thread keeps its code', async () => {
  const broken = [{ ...folds[0]!, oof: { ...folds[0]!.oof, sample: new Int32Array(0) } }, folds[1]!]
  await expect(assembleInThread({ manifest, spec, folds: broken })).rejects.toMatchObject({
    code: 'predictions-incomplete',
  })
})
