import { KnnSpec, parseSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { estimateTraining } from './estimate-training.ts'
import { planTraining } from './plan-training.ts'

const spec = parseSpec({
  name: 'estimated',
  dataset: 'emoji',
  folds: { count: 5 },
  model: { name: 'convnet' },
  image: { size: 100 },
  stages: [
    { name: 'head', train: 'head', epochs: 1, batch: 10, schedule: { name: 'constant', lr: 0.001 } },
    { name: 'all', epochs: 4, batch: 20, schedule: { name: 'constant', lr: 0.001 } },
  ],
  evaluate: { everyEpochs: 2, tta: 'flip' },
})
const plan = planTraining(spec, { train: 1000, test: 100 })
const model = {
  parameters: 900_000,
  statistics: 100_000,
  activations: 500_000,
  embedding: 100_000,
  stages: [
    { trained: 50_000, slots: 100_000 },
    { trained: 900_000, slots: 1_800_000 },
  ],
}
const nothing = { model: null, dataset: null, imagesPerSecond: null, sessionSeconds: null }

test('memory, disk and uploads follow from the model and the largest stage', () => {
  const estimate = estimateTraining(spec, plan, { ...nothing, model, dataset: { sizeBytes: 7e6 } })
  // 4 MB of weights and 7.2 MB of slots; gradients 3.6 MB and 1.5 · 500,000 · 20 activations.
  expect(estimate.memory!.deviceBytes).toBe(4e6 + 7.2e6 + 3.6e6 + 60e6)
  expect(estimate.cacheBytes).toBe(1000 * 30_000)
  expect(estimate.memory!.hostBytes).toBe(600e6 + 30e6 + 11.2e6 + 9 * 20 * 30_000)
  expect(estimate.disk).toEqual({ datasetBytes: 7e6, checkpointBytes: 2 * 11.2e6 + 4e6 })
  expect(estimate.upload).toEqual({ bytes: 11.2e6, bestBytes: 4e6 })
})

test('neighbours are one more prediction of the training samples, and their embeddings are kept meanwhile', () => {
  const asked = { ...spec, knn: KnnSpec.parse({}) }
  const known = { ...nothing, model, imagesPerSecond: 1 }
  const [without, made] = [spec, asked].map((of) => estimateTraining(of, plan, known))
  expect(made!.foldSeconds! - without!.foldSeconds!).toBeCloseTo((2 * 800) / 3, 6)
  // More than gradients and activations of the largest stage.
  expect(made!.memory!.deviceBytes).toBe(4e6 + 7.2e6 + 4 * 100_000 * 800)
})

test('sessions follow from the pace and how long one lives', () => {
  const known = { ...nothing, imagesPerSecond: 1, sessionSeconds: 2300 }
  const estimate = estimateTraining(spec, plan, known)
  // 800 + 4 · 800 pictures; 1 + 2 evaluations and the end of 200, and 100 test pictures, twice each, at three times the pace.
  expect(estimate.foldSeconds).toBe(4000 + (2 * (4 * 200 + 100)) / 3)
  expect(estimate.sessions).toEqual({ perFold: 3, all: 12 })
})

test('what is not known is not guessed', () => {
  expect(estimateTraining(spec, plan, nothing)).toMatchObject({
    memory: null,
    disk: null,
    upload: null,
    foldSeconds: null,
    sessions: null,
  })
  expect(estimateTraining(spec, plan, { ...nothing, imagesPerSecond: 10 })).toMatchObject({ sessions: null })
})
