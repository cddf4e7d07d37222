import type { ExperimentSpecInput } from '../spec/experiment.ts'
import type { RecipeName } from '../spec/recipe.ts'

/** What a recipe fills in: all but what only a person can know. */
type Recipe = Pick<ExperimentSpecInput, 'folds' | 'model' | 'image' | 'stages'> &
  Partial<Pick<ExperimentSpecInput, 'augment' | 'evaluate' | 'metric' | 'ensemble' | 'earlyStop' | 'seed'>> & {
    readonly targets?: { readonly distill: { readonly form: 'max'; readonly kappa: number } }
  }

/** All of iMet 2019 was scored so: F2 over samples, 1 to 10 labels each, one threshold. */
const metric = { beta: 2, threshold: 'global', minLabels: 1, maxLabels: 10 } as const

/** ceshine's first stage: the new head alone, for half an epoch. */
const ceshineHead = {
  name: 'head',
  train: 'head',
  epochs: 0.5,
  optimizer: { name: 'adamw', weightDecay: 0.1 },
  schedule: { name: 'triangular', lr: 2e-3, ratio: 3 },
  clipNorm: 10,
} as const

/** And the second: all, at 1e-5, 8e-5 and 5e-4 from the stem to the head. */
const ceshineAll = {
  name: 'all',
  optimizer: { name: 'adamw', weightDecay: 0.05 },
  schedule: { name: 'triangular', lr: 5e-4, ratio: 100, peakAt: 0.2 },
  lrScale: { groups: { stem: 0.02, layer1: 0.02, layer2: 0.02, layer3: 0.16, layer4: 0.16 } },
  clipNorm: 10,
  mix: { name: 'mixup', alpha: 0.2, per: 'sample' },
} as const

/** What ceshine's solutions share after the competition, beside the model and the second stage. */
const ceshineAfter = {
  seed: 42,
  folds: { count: 10 },
  image: { size: 320 },
  augment: 'imet-320',
  evaluate: { everyEpochs: 0.5, tta: 'flip' },
  metric,
  ensemble: { blend: 'mean' },
  earlyStop: { patience: 4, minGain: 1e-4 },
} satisfies Partial<Recipe>

const focal = { name: 'focal', alpha: 0.5, gamma: 0.25, detach: true } as const

/**
 * How solutions of iMet 2019 trained (https://www.kaggle.com/c/imet-2019-fgvc6), by their authors. docs/spec/recipes.md
 * has each one's source, and what of it is another here.
 */
export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  'imet/lopuhin': {
    folds: { count: 5, split: 'greedy' },
    model: { name: 'resnet50' },
    image: { size: 288 },
    augment: [{ op: 'crop' }, { op: 'flip' }],
    stages: [
      {
        name: 'head',
        train: 'head',
        epochs: 1,
        batch: 64,
        optimizer: { name: 'adam' },
        schedule: { name: 'constant', lr: 1e-4 },
      },
      {
        name: 'all',
        epochs: 25,
        batch: 64,
        optimizer: { name: 'adam' },
        schedule: { name: 'plateau', lr: 1e-4, factor: 0.2, patience: 4, maxDrops: 2, resetOptimizer: true },
      },
    ],
    evaluate: { tta: { views: 4 } },
    metric,
    ensemble: { blend: 'mean' },
  },
  'imet/ceshine-256': {
    seed: 42,
    folds: { count: 10 },
    model: { name: 'seresnext50_32x4d', dropout: 0.25 },
    image: { size: 256 },
    augment: 'imet-256',
    stages: [
      { ...ceshineHead, batch: 32 },
      { ...ceshineAll, batch: 32, epochs: 10 },
    ],
    evaluate: { everyEpochs: 0.5, tta: { views: 4 } },
    metric,
    ensemble: { blend: 'rank' },
    earlyStop: { patience: 5, minGain: 1e-4 },
  },
  'imet/ceshine-320': {
    ...ceshineAfter,
    model: { name: 'seresnext50_32x4d', dropout: 0.25 },
    stages: [
      { ...ceshineHead, batch: 48, loss: focal },
      { ...ceshineAll, batch: 48, epochs: 11, loss: focal },
    ],
  },
  'imet/ceshine-freezing': {
    ...ceshineAfter,
    model: { name: 'seresnext101_32x4d', dropout: 0.25 },
    stages: [
      { ...ceshineHead, batch: 48, loss: focal },
      {
        ...ceshineAll,
        batch: 48,
        epochs: 11,
        train: ['layer3', 'layer4', 'head'],
        optimizer: { name: 'adamw', weightDecay: 0.1 },
        schedule: { name: 'cosine', lr: 3e-4, warmupEpochs: 3, warmupDivisor: 100 },
        lrScale: { groups: { layer3: 0.1, layer4: 1 / 3 } },
        loss: focal,
      },
    ],
  },
  'imet/gavrilchik': {
    folds: { count: 5 },
    model: { name: 'seresnext101_32x4d' },
    image: { size: 320 },
    augment: 'imet-320',
    stages: [
      {
        name: 'all',
        epochs: 15,
        batch: 1000,
        accumulate: 20,
        optimizer: { name: 'adam' },
        schedule: { name: 'constant', lr: 5e-3 },
        loss: { name: 'focal' },
        mine: { share: 0.05 },
        sample: { weight: 'log' },
      },
      {
        name: 'low',
        epochs: 5,
        batch: 1000,
        accumulate: 20,
        optimizer: { name: 'adam' },
        schedule: { name: 'constant', lr: 1e-3 },
        loss: { name: 'focal' },
        mine: { share: 0.05 },
        sample: { weight: 'log' },
      },
    ],
    metric: { ...metric, threshold: 'grouped' },
    ensemble: { blend: 'mean' },
  },
  'imet/distill-9': {
    folds: { count: 5 },
    model: { name: 'seresnext50_32x4d' },
    image: { size: 320 },
    augment: [{ op: 'flip' }, { op: 'crop-if-needed' }, { op: 'resize' }, { op: 'erase', p: 0.3 }],
    // A person gives the `teacher`.
    targets: { distill: { form: 'max', kappa: 0.7 } },
    stages: [
      { ...warm('head-low', 1.2e-5), train: 'head' },
      { ...warm('head-half', 6e-5), train: 'head' },
      warm('all-low', 1.2e-5),
      warm('all-half', 6e-5),
      { ...warm('all', 1.2e-4), epochs: 10, schedule: { name: 'cosine', lr: 1.2e-4 } },
    ],
    evaluate: { tta: { views: 10 } },
    metric,
    ensemble: { blend: 'mean' },
  },
  'imet/bce-then-f2-10': {
    folds: { count: 5 },
    model: { name: 'seresnext50_32x4d' },
    image: { size: 384 },
    augment: 'imet-320',
    stages: [
      {
        name: 'bce',
        train: ['layer3', 'layer4', 'head'],
        epochs: 30,
        batch: 128,
        optimizer: { name: 'adam' },
        schedule: { name: 'plateau', lr: 2e-4, factor: 0.1, patience: 1, maxDrops: 1 },
      },
      {
        name: 'f2',
        train: ['layer3', 'layer4', 'head'],
        epochs: 4,
        batch: 128,
        optimizer: { name: 'adam' },
        schedule: { name: 'constant', lr: 2e-5 },
        loss: { name: 'soft-fbeta', beta: 2 },
      },
    ],
    evaluate: { tta: 'flip' },
    metric,
    ensemble: { blend: 'mean' },
  },
}

/** An epoch of the ninth place's way up to its rate. */
function warm(name: string, lr: number) {
  return {
    name,
    epochs: 1,
    batch: 36,
    optimizer: { name: 'adam' },
    schedule: { name: 'constant', lr },
    loss: { name: 'bce+fbeta', beta: 2 },
  } as const
}
