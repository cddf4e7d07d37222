import { ExperimentSpec } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { blendExperiments, samplesOf, splitFolds } from '@baton/evaluation'
import type { BlendInput } from '@baton/evaluation'
import { expect, test } from 'vitest'
import { blendInThread } from './blend-in-thread.ts'

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
const members = [3, 7].map((stride) => {
  const folds = [0, 1].map((fold) => {
    const sample = samplesOf(manifest, 'train').filter((index) => foldOf[index] === fold)
    const probability = Float32Array.from({ length: sample.length * 3 }, (_, i) => ((i * stride) % 10) / 10)
    return { fold, oof: { sample, probability }, test: null }
  })
  return { spec, folds }
})
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
