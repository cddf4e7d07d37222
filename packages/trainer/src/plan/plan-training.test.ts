import { ExperimentSpec } from '@baton/contracts'
import { expect, test } from 'vitest'
import { planTraining } from './plan-training.ts'

const spec = ExperimentSpec.parse({
  name: 'two stages',
  dataset: 'emoji',
  folds: { count: 5 },
  model: { name: 'convnet' },
  image: { size: 32 },
  evaluate: { everyEpochs: 4 },
  stages: [
    { name: 'head', train: 'head', epochs: 1, batch: 32, schedule: { name: 'constant', lr: 0.002 } },
    { name: 'all', epochs: 9, batch: 1000, schedule: { name: 'cosine', lr: 0.01, warmupSteps: 2 } },
  ],
})

test('stages follow each other by the steps of whole batches, of at most all samples', () => {
  const plan = planTraining(spec, { train: 700, test: null })
  expect(plan.samples).toEqual({ train: 560, validation: 140, test: null, pseudo: 0 })
  expect(plan.stages).toMatchObject([
    { name: 'head', batch: 32, stepsPerEpoch: 17, steps: 17, firstStep: 0, evaluations: 1 },
    { name: 'all', batch: 560, stepsPerEpoch: 1, steps: 9, firstStep: 17, evaluations: 3 },
  ])
  expect(plan.totalSteps).toBe(26)
})

test('learning rates are those of the training', () => {
  const all = planTraining(spec, { train: 700, test: null }).stages[1]!
  expect([0, 1, 2, 9].map(all.lr)).toEqual([0.005, 0.01, 0.01, 0])
})

test('samples that are left out by cleaning are not counted', () => {
  const { targets } = ExperimentSpec.parse({ ...spec, targets: { clean: { from: 'imet#1', share: 0.1 } } })
  expect(planTraining({ ...spec, targets }, { train: 700, test: 50 }).samples).toMatchObject({ train: 504 })
})

test('test samples that pseudo labels add make epochs longer', () => {
  const { targets } = ExperimentSpec.parse({ ...spec, targets: { pseudo: { from: 'imet#1', share: 0.5 } } })
  const plan = planTraining({ ...spec, targets }, { train: 700, test: 300 })
  expect(plan.samples).toEqual({ train: 710, validation: 140, test: 300, pseudo: 150 })
  expect(plan.stages[0]!.stepsPerEpoch).toBe(22)
  const unknown = planTraining({ ...spec, targets }, { train: 700, test: null })
  expect(unknown.samples).toMatchObject({ train: 560, pseudo: null })
})
