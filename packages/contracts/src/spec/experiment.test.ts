import { describe, expect, test } from 'vitest'
import { parseOrThrow, parseSpec } from '../parse.ts'
import type { AppError } from '../problems.ts'
import { ExperimentSpec, foldsOf, modelOf } from './index.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The shortest spec that is right, fresh each time. */
function aSpec(): Record<string, Json> & { stages: Record<string, Json>[]; folds: Record<string, Json> } {
  return {
    name: 'baseline',
    dataset: 'emoji@1',
    folds: { count: 5 },
    model: { name: 'convnet' },
    image: { size: 32 },
    stages: [{ name: 'all', epochs: 3, schedule: { name: 'cosine', lr: 0.001 } }],
  }
}

function faultsOf(json: unknown) {
  try {
    parseSpec(json)
  } catch (error) {
    expect(error).toMatchObject({ name: 'AppError', code: 'spec-invalid' })
    return (error as AppError).faults
  }
  throw new Error('the spec was accepted')
}

/** Sets the value at a JSON pointer; undefined takes it away. */
function changed(pointer: string, value: Json | undefined): unknown {
  const spec = aSpec()
  const keys = pointer.split('/').slice(1)
  const last = keys.pop()!
  const holder = keys.reduce((at, key) => at[key] as Record<string, Json>, spec as Record<string, Json>)
  if (value === undefined) Reflect.deleteProperty(holder, last)
  else holder[last] = value
  return spec
}

test('the shortest spec is accepted, with every default filled in', () => {
  const spec = parseSpec(aSpec())
  expect(spec).toMatchObject({
    code: null,
    seed: 0,
    pool: 'default',
    folds: { split: 'stratified' },
    model: { width: 16, blocks: 3 },
    augment: [{ op: 'flip', p: 0.5 }],
    evaluate: { everyEpochs: 1, tta: 'none' },
    metric: { name: 'fbeta', average: null, beta: 2, threshold: 'grouped', labelsOf: {} },
    ensemble: { blend: 'rank', scope: 'table' },
    stages: [
      { train: 'all', batch: 32, optimizer: { name: 'adamw', beta1: 0.9 }, loss: { name: 'bce' }, clipNorm: null },
    ],
  })
  expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec)
  expect(foldsOf(spec)).toEqual([0, 1, 2, 3, 4])
  expect(foldsOf({ folds: { count: 5, split: 'random', only: [3, 1] } })).toEqual([1, 3])
})

const cases: [what: string, at: string, value: Json | undefined, pointer: string, detail: string][] = [
  ['a missing name', '/name', undefined, '/name', 'is missing; give a string'],
  ['an empty name', '/name', '  ', '/name', 'must be at least 1 character long, not the string ""'],
  ['a name that is a number', '/name', 41, '/name', 'must be a string, not 41'],
  [
    'a dataset of another shape',
    '/dataset',
    'Emoji v3',
    '/dataset',
    'must be a dataset name, optionally with its version: emoji@3, not the string "Emoji v3"',
  ],
  [
    'dataset version 0',
    '/dataset',
    'emoji@0',
    '/dataset',
    'must be a dataset name, optionally with its version: emoji@3, not the string "emoji@0"',
  ],
  [
    'code that is no digest',
    '/code',
    'main',
    '/code',
    'must be a SHA-256 in 64 lower-case hex digits, not the string "main"',
  ],
  ['an unknown runtime', '/runtime', 'pytorch', '/runtime', 'must be "tfjs", not the string "pytorch"'],
  ['a negative seed', '/seed', -1, '/seed', 'must be at least 0, not -1'],
  ['a seed past 32 bits', '/seed', 2 ** 32, '/seed', 'must be at most 4294967295, not 4294967296'],
  ['a seed with a fraction', '/seed', 0.5, '/seed', 'must be a whole number, not 0.5'],
  [
    'a pool that is no slug',
    '/pool',
    'My Pool',
    '/pool',
    'must be lower-case letters, digits and inner hyphens, at most 64, not the string "My Pool"',
  ],
  ['a priority above the range', '/priority', 1001, '/priority', 'must be at most 1000, not 1001'],
  ['no folds', '/folds', undefined, '/folds', 'is missing; give an object'],
  ['folds as a number', '/folds', 5, '/folds', 'must be an object, not 5'],
  ['one fold', '/folds/count', 1, '/folds/count', 'must be at least 2, not 1'],
  ['a count in quotes', '/folds/count', '5', '/folds/count', 'must be a number, not the string "5"'],
  [
    'a split with a slip',
    '/folds/split',
    'stratifed',
    '/folds/split',
    'must be one of "stratified", "greedy", "random", "grouped", "column", not the string "stratifed"; did you mean "stratified"?',
  ],
  ['a fold that does not exist', '/folds/only', [0, 5], '/folds/only/1', 'fold 5 does not exist: folds are 0 to 4'],
  ['a fold listed twice', '/folds/only', [1, 1], '/folds/only/1', 'fold 1 is listed twice'],
  ['an empty list of folds', '/folds/only', [], '/folds/only', 'must be a list of at least 1 entry, not a list of 0'],
  [
    'an unknown model',
    '/model/name',
    'resnext',
    '/model/name',
    expect.stringMatching(/^must be one of "convnet", .* not the string "resnext"; did you mean "resnet"\?$/) as string,
  ],
  [
    'a model without a name',
    '/model',
    { width: 8 },
    '/model/name',
    expect.stringMatching(/^is missing; give one of "convnet", "resnet", /) as string,
  ],
  ['a model that is a word', '/model', 'convnet', '/model', 'must be an object, not the string "convnet"'],
  [
    'a key of another model',
    '/model',
    { name: 'convnet', layers: [2, 2] },
    '/model/layers',
    'the key "layers" is not known; remove it; known here: name, width, blocks, dropout, weights',
  ],
  [
    'a bundle model without code',
    '/model',
    { name: 'bundle' },
    '/model/name',
    'a bundle model needs `code`: push a code bundle or choose convnet or resnet',
  ],
  ['too much dropout', '/model/dropout', 0.95, '/model/dropout', 'must be at most 0.9, not 0.95'],
  ['an image too small', '/image/size', 4, '/image/size', 'must be at least 8, not 4'],
  ['a standard deviation of zero', '/image/std', [0.2, 0, 0.2], '/image/std/1', 'must be more than 0, not 0'],
  [
    'two means for three channels',
    '/image/mean',
    [0.5, 0.5],
    '/image/mean',
    'must be a list of at least 3 entries, not a list of 2',
  ],
  ['a flip above certainty', '/augment', [{ op: 'flip', p: 1.5 }], '/augment/0/p', 'must be at most 1, not 1.5'],
  [
    'an operation with a slip',
    '/augment',
    [{ op: 'flip' }, { op: 'rotat', degrees: 5 }],
    '/augment/1/op',
    expect.stringMatching(/^must be one of "flip", .*; did you mean "rotate"\?$/) as string,
  ],
  [
    'a key of another operation',
    '/augment',
    [{ op: 'shift', pixels: 2, degrees: 5 }],
    '/augment/0/degrees',
    'the key "degrees" is not known; remove it; known here: op, p, pixels, border',
  ],
  [
    'an unknown preset',
    '/augment',
    'imet-512',
    '/augment',
    'must be a list of operations, or a preset: imet-256 or imet-320',
  ],
  [
    'a crop after the picture was resized',
    '/augment',
    [{ op: 'resize' }, { op: 'crop' }],
    '/augment/1/op',
    'crop changes the size of the picture: put it before resize',
  ],
  [
    'a range the wrong way round',
    '/augment',
    [{ op: 'gamma', from: 2, to: 1 }],
    '/augment/0/from',
    'from must not be above to',
  ],
  [
    'a stage with an augmentation that does nothing',
    '/stages/0/augment',
    [{ op: 'one-of', ops: [{ op: 'flip', p: 0 }] }],
    '/stages/0/augment/0/ops',
    'one of them must have a p above 0',
  ],
  ['no view', '/evaluate', { tta: { views: 0 } }, '/evaluate/tta/views', 'must be at least 1, not 0'],
  ['a mix without a name', '/stages/0/mix', {}, '/stages/0/mix/name', 'is missing; give one of "mixup", "cutmix"'],
  ['no stage', '/stages', [], '/stages', 'must be a list of at least 1 entry, not a list of 0'],
  ['a stage that is a list', '/stages/0', [], '/stages/0', 'must be an object, not a list of 0'],
  [
    'a part of the model that is not there',
    '/stages/0/train',
    'tail',
    '/stages/0/train',
    'must be "head", "last-two", "all" or a list of layer groups',
  ],
  ['a layer group listed twice', '/stages/0/train', ['a', 'a'], '/stages/0/train/1', 'layer group a is listed twice'],
  [
    'a rate scaled in two ways',
    '/stages/0/lrScale',
    { decay: 0.5, slice: 0.1 },
    '/stages/0/lrScale',
    'takes exactly one of decay, slice and groups; remove the others',
  ],
  [
    'a layer decay that grows',
    '/stages/0/lrScale',
    { decay: 1.5 },
    '/stages/0/lrScale/decay',
    'must be at most 1, not 1.5',
  ],
  [
    'no duration',
    '/stages/0/epochs',
    undefined,
    '/stages/0',
    'has no duration; give one of epochs, steps, samples, hours',
  ],
  [
    'a second duration',
    '/stages/0/steps',
    10,
    '/stages/0/steps',
    'the stage lasts by epochs already; give only one of epochs, steps, samples, hours',
  ],
  ['no epoch at all', '/stages/0/epochs', 0, '/stages/0/epochs', 'must be more than 0, not 0'],
  [
    'evaluations by epochs and steps',
    '/evaluate',
    { everyEpochs: 2, everySteps: 50 },
    '/evaluate/everySteps',
    'evaluations come by everyEpochs already; give only one of the two',
  ],
  [
    'a warm-up in steps and epochs',
    '/stages/0/schedule',
    { name: 'constant', lr: 0.1, warmupSteps: 5, warmupEpochs: 1 },
    '/stages/0/schedule/warmupEpochs',
    'the warm-up lasts by warmupSteps already; give only one of the two',
  ],
  [
    'a warm-up that starts somewhere and lasts nothing',
    '/stages/0/schedule/warmupDivisor',
    10,
    '/stages/0/schedule/warmupDivisor',
    'there is no warm-up; give warmupSteps or warmupEpochs',
  ],
  ['a batch of null', '/stages/0/batch', null, '/stages/0/batch', 'must be a number, not null'],
  [
    'a key with a slip',
    '/stages/0/epoch',
    3,
    '/stages/0/epoch',
    'the key "epoch" is not known; did you mean "epochs"?',
  ],
  [
    'a key in another spelling',
    '/stages/0/clip_norm',
    1,
    '/stages/0/clip_norm',
    'the key "clip_norm" is not known; did you mean "clipNorm"?',
  ],
  [
    'an unknown schedule',
    '/stages/0/schedule/name',
    'cosin',
    '/stages/0/schedule/name',
    'must be one of "constant", "linear", "cosine", "cosine-restarts", "step", "triangular", "one-cycle", "plateau", "budget", not the string "cosin"; did you mean "cosine"?',
  ],
  [
    'a momentum that moves, of an optimizer without one',
    '/stages/0',
    { name: 'all', epochs: 1, optimizer: { name: 'sgd' }, schedule: { name: 'one-cycle', lr: 0.1 } },
    '/stages/0/schedule/momentum',
    'sgd has no momentum to be moved; give `momentum: null`, or choose sgdm',
  ],
  [
    'a decay of biases where nothing decays',
    '/stages/0/optimizer',
    { name: 'adam', decayBiasAndNorm: true },
    '/stages/0/optimizer/decayBiasAndNorm',
    'nothing decays: give weightDecay, or leave decayBiasAndNorm out',
  ],
  ['a learning rate of zero', '/stages/0/schedule/lr', 0, '/stages/0/schedule/lr', 'must be more than 0, not 0'],
  [
    'a learning rate in words',
    '/stages/0/schedule/lr',
    '1e-3',
    '/stages/0/schedule/lr',
    'must be a number, not the string "1e-3"',
  ],
  [
    'a lowest rate above the rate',
    '/stages/0/schedule/lrMin',
    0.1,
    '/stages/0/schedule/lrMin',
    'lrMin must not be above lr',
  ],
  [
    'a step schedule without its steps',
    '/stages/0/schedule',
    { name: 'step', lr: 0.1 },
    '/stages/0/schedule/everyEpochs',
    'is missing; give a number',
  ],
  [
    'an optimizer that is not there',
    '/stages/0/optimizer',
    { name: 'adagrad' },
    '/stages/0/optimizer/name',
    'must be one of "adamw", "adam", "sgdm", "sgd", "rmsprop", "lamb", not the string "adagrad"',
  ],
  [
    'a bundle loss without code',
    '/stages/0/loss',
    { name: 'bundle' },
    '/stages/0/loss/name',
    'a bundle loss needs `code`: push a code bundle or choose loss bce',
  ],
  [
    'positive weights in words',
    '/stages/0/loss',
    { name: 'bce', positiveWeight: 'high' },
    '/stages/0/loss/positiveWeight',
    'must be a number, a list of one a label, or numbers by label group, each more than 0 and at most 1000',
  ],
  [
    'a batch that has no equal parts',
    '/stages/0/accumulate',
    5,
    '/stages/0/accumulate',
    'a batch of 32 has no 5 equal parts; give a divisor of it',
  ],
  ['a clip norm below zero', '/stages/0/clipNorm', -1, '/stages/0/clipNorm', 'must be more than 0, not -1'],
  [
    'fewest labels above most',
    '/metric',
    { minLabels: 4, maxLabels: 3 },
    '/metric/minLabels',
    'minLabels must not be above maxLabels',
  ],
  [
    'F-beta without labels',
    '/metric',
    { threshold: 'none' },
    '/metric/threshold',
    'F-beta is of labels that are given; choose another threshold than none',
  ],
  [
    'a mean that the metric does not have',
    '/metric',
    { name: 'auc', average: 'samples' },
    '/metric/average',
    'auc has no average over samples; choose macro, or leave it out',
  ],
  [
    'a k where nothing is divided by it',
    '/metric',
    { k: 7 },
    '/metric/k',
    'k is of threshold max-over-k, not of grouped; leave it out',
  ],
  [
    'a count where nothing is counted',
    '/metric',
    { labelsPerSample: 5 },
    '/metric/labelsPerSample',
    'labelsPerSample is of threshold count-matched, not of grouped; leave it out',
  ],
  [
    "a group's fewest labels above its most",
    '/metric',
    { labelsOf: { tag: { min: 3, max: 2 } } },
    '/metric/labelsOf/tag/min',
    'min must not be above max',
  ],
  [
    'more certain labels than may be given',
    '/metric',
    { maxLabels: 3, labelsOf: { culture: { min: 2 }, tag: { min: 2 } } },
    '/metric/labelsOf',
    "the groups' min add up to 4 labels, above maxLabels 3; raise maxLabels",
  ],
  [
    'a vote that counts for nothing',
    '/knn',
    { weight: 0 },
    '/knn/weight',
    'a vote that weighs 0 changes nothing; raise weight, leave it out to have it searched, or choose threshold distance',
  ],
  [
    'a temperature of votes that have none',
    '/knn',
    { vote: 'uniform', temperature: 0.1 },
    '/knn/temperature',
    'temperature is of vote similarity, not of uniform; leave it out',
  ],
  [
    'ranks where probabilities are needed',
    '/metric',
    { threshold: 'expected-fbeta' },
    '/ensemble/blend',
    'threshold expected-fbeta is of probabilities, which ranks are not; choose blend mean',
  ],
  [
    'log loss of ranks',
    '/metric',
    { name: 'log-loss', threshold: 'none' },
    '/ensemble/blend',
    'log-loss is of probabilities, which ranks are not; choose blend mean',
  ],
  [
    'a scope of probabilities',
    '/ensemble',
    { blend: 'mean', scope: 'label' },
    '/ensemble/scope',
    'scope is of blend rank: probabilities are not ranked; leave it out',
  ],
  [
    'ranks within labels that a threshold cuts',
    '/ensemble',
    { scope: 'label' },
    '/ensemble/scope',
    'ranks within a label do not tell how frequent it is, so no threshold fits them; choose scope table, or threshold none',
  ],
  [
    'weights between folds',
    '/ensemble',
    { blend: 'weighted' },
    '/ensemble/blend',
    'weighted is of several experiments: weights are found on OOF, and each sample has that of one fold alone, so none says how much ' +
      'to believe which; choose rank or mean here, or blend experiments (`baton ensemble --blend weighted`)',
  ],
  [
    'another blend',
    '/ensemble',
    { blend: 'median' },
    '/ensemble/blend',
    'must be one of "rank", "mean", not the string "median"; did you mean "mean"?',
  ],
  ['no patience', '/earlyStop', { patience: 0 }, '/earlyStop/patience', 'must be at least 1, not 0'],
  [
    'retries as text',
    '/retries',
    { userCode: 'twice' },
    '/retries/userCode',
    'must be a number, not the string "twice"',
  ],
  [
    'a flag as text',
    '/stages/0/optimizer',
    { name: 'sgdm', nesterov: 'yes' },
    '/stages/0/optimizer/nesterov',
    'must be true or false, not the string "yes"',
  ],
  [
    'a key that means nothing here',
    '/gpu',
    true,
    '/gpu',
    expect.stringMatching(/^the key "gpu" is not known; remove it; known here: name, dataset, recipe, /) as string,
  ],
  [
    'a start by a number alone',
    '/from',
    '41',
    '/from',
    'must be an experiment, optionally with a fold: imet#41, imet#41/3, not the string "41"',
  ],
  [
    'a teacher that is one fold',
    '/targets',
    { distill: { form: 'max', teacher: 'imet#41/3' } },
    '/targets/distill/teacher',
    'must be a project and an experiment of it: imet#41, not the string "imet#41/3"',
  ],
  [
    'a teacher of several that is no experiment',
    '/targets',
    { distill: { form: 'max', teacher: ['imet#41', 'imet'] } },
    '/targets/distill/teacher/1',
    'must be a project and an experiment of it: imet#41, not the string "imet"',
  ],
  [
    'more pseudo labels than test samples',
    '/targets',
    { pseudo: { from: 'imet#41', share: 2 } },
    '/targets/pseudo/share',
    'must be at most 1, not 2',
  ],
  [
    'a slip in one model of several',
    '/model',
    [{ name: 'convnet' }, { name: 'resnet', with: 8 }],
    '/model/1/with',
    expect.stringMatching(/^the key "with" is not known; did you mean "width"\?$/) as string,
  ],
  ['no model at all', '/model', [], '/model', 'must be a list of at least 1 entry, not a list of 0'],
  ['a label group twice', '/labels', ['tag', 'tag'], '/labels/1', 'label group "tag" is listed twice'],
  [
    'a key with characters of a pointer',
    '/stages/0/a~1b',
    1,
    '/stages/0/a~01b',
    expect.stringMatching(/^the key "a~1b" is not known/) as string,
  ],
]

test.each(cases)(
  '%s is one fault at its JSON pointer, with what would be right',
  (_what, at, value, pointer, detail) => {
    expect(faultsOf(changed(at, value))).toEqual([{ pointer, detail }])
  },
)

test.each(['linear', 'cosine', 'triangular', 'one-cycle'])(
  '%s may not stand with hours, budget only with them',
  (name) => {
    const staged = (stage: Record<string, Json>) => ({ ...aSpec(), stages: [{ name: 'all', ...stage }] })
    const detail = `${name} needs to know how many steps the stage has, and with hours nobody does; choose budget, or give epochs, steps or samples`
    expect(faultsOf(staged({ hours: 9, schedule: { name, lr: 0.1 } }))).toEqual([
      { pointer: '/stages/0/schedule/name', detail },
    ])
    expect(faultsOf(staged({ epochs: 9, schedule: { name: 'budget', lr: 0.1 } }))).toEqual([
      {
        pointer: '/stages/0/schedule/name',
        detail: 'budget lands where the hours of its stage end; give hours, or choose cosine or linear',
      },
    ])
    for (const right of ['budget', 'constant', 'plateau'])
      parseSpec(staged({ hours: 9, schedule: { name: right, lr: 0.1 } }))
  },
)

test('pseudo labels from models whose weights training starts with are a fault', () => {
  const spec = { ...aSpec(), from: 'imet#41', targets: { pseudo: { from: 'imet#41', share: 0.1 } } }
  expect(faultsOf(spec)).toEqual([
    { pointer: '/from', detail: expect.stringMatching(/confirms their pseudo labels; remove/) as string },
  ])
})

test('what training starts with is said once', () => {
  const model = [{ name: 'convnet' }, { name: 'resnet', weights: { artifact: 'imagenet.safetensors' } }]
  expect(faultsOf({ ...aSpec(), from: 'imet#41', model })).toEqual([
    { pointer: '/from', detail: '`model.weights` says what to start with, too; remove one of the two' },
  ])
})

test('pictures too small for a DenseNet are a fault, of the experiment and of a stage', () => {
  const [stage] = aSpec().stages
  const sized = (size: number, imageSize: number) => ({
    ...aSpec(),
    model: [{ name: 'resnet18' }, { name: 'densenet161' }],
    image: { size },
    stages: [{ ...stage, imageSize }],
  })
  const detail = 'densenet161 leaves nothing of pictures below 29 pixels; give more, or another model'
  expect(faultsOf(sized(28, 28))).toEqual([
    { pointer: '/image/size', detail },
    { pointer: '/stages/0/imageSize', detail },
  ])
  expect(parseSpec(sized(29, 29)).image.size).toBe(29)
})

test('a teacher beside softmax is a fault', () => {
  const stages = [{ ...aSpec().stages[0], loss: { name: 'softmax' } }]
  const targets = { distill: { form: 'max', teacher: 'imet#41' } }
  expect(faultsOf({ ...aSpec(), stages, targets })).toEqual([
    { pointer: '/targets/distill', detail: expect.stringMatching(/choose another loss, or no teacher/) as string },
  ])
})

describe('the model of a fold', () => {
  const several = { model: ['convnet', 'resnet', 'resnet18'].map((name) => ({ name })), seed: 5 }
  const drawn = (seed: number, folds: number) => {
    const spec = parseSpec({ ...aSpec(), ...several, seed })
    return Array.from({ length: folds }, (_, fold) => modelOf(spec, fold).name)
  }

  test('is the only one there is', () => {
    const spec = parseSpec(aSpec())
    expect(modelOf(spec, 3)).toBe(spec.model)
  })

  test('is drawn from the seed, the same for a fold every time, each about as often', () => {
    expect(drawn(5, 10)).toEqual(drawn(5, 50).slice(0, 10))
    expect(drawn(5, 50)).not.toEqual(drawn(6, 50))
    const all = Array.from({ length: 60 }, (_, seed) => drawn(seed, 50)).flat()
    for (const name of ['convnet', 'resnet', 'resnet18']) {
      const share = all.filter((other) => other === name).length / all.length
      // Four standard deviations of 3,000 draws.
      expect(Math.abs(share - 1 / 3)).toBeLessThan(4 * Math.sqrt(2 / 9 / 3000))
    }
    // Kept for good: another draw would be another training of the same spec.
    expect(drawn(42, 10).join(' ')).toBe(
      'resnet18 resnet18 resnet18 resnet resnet resnet convnet resnet resnet convnet',
    )
  })
})

test('a stage name used twice is a fault at the second', () => {
  const spec = aSpec()
  spec.stages.push({ ...spec.stages[0]! })
  expect(faultsOf(spec)).toEqual([
    { pointer: '/stages/1/name', detail: 'stage name "all" is used twice; name each stage once' },
  ])
})

test('softmax in some stages only is a fault at the first that differs', () => {
  const spec = aSpec()
  spec.stages[0]!.loss = { name: 'softmax' }
  spec.stages.push({ ...spec.stages[0]!, name: 'more', loss: { name: 'focal' } })
  expect(faultsOf(spec)).toEqual([
    { pointer: '/stages/1/loss/name', detail: expect.stringMatching(/give all stages softmax or none/) as string },
  ])
})

test('what is no object at all is one fault at the root', () => {
  expect(faultsOf(null)).toEqual([{ pointer: '', detail: 'must be an object, not null' }])
  expect(faultsOf([aSpec()])).toEqual([{ pointer: '', detail: 'must be an object, not a list of 1' }])
  expect(faultsOf(undefined)).toEqual([{ pointer: '', detail: 'is missing; give an object' }])
})

test('every fault is listed at once, several keys of one object too', () => {
  const spec = { ...aSpec(), seed: 'x', prioritty: 1, colour: 2, image: { size: 4 }, model: { name: 'vit' } }
  expect(faultsOf(spec).map((fault) => fault.pointer)).toEqual([
    '/seed',
    '/model/name',
    '/image/size',
    '/prioritty',
    '/colour',
  ])
})

test('every rule that compares fields is listed at once', () => {
  const spec = { ...aSpec(), metric: { minLabels: 9, maxLabels: 1 }, model: { name: 'bundle' } }
  expect(faultsOf(spec).map((fault) => fault.pointer)).toEqual(['/model/name', '/metric/minLabels'])
})

test('a long value is cut, so that an error cannot repeat a whole file', () => {
  const [fault] = faultsOf(changed('/pool', 'x'.repeat(5000)))
  expect(fault!.detail.length).toBeLessThan(200)
})

test('one fault is said in the error itself; the code is the one that was asked for', () => {
  expect(() => parseOrThrow(ExperimentSpec, changed('/seed', 'x'), 'request-invalid')).toThrow(
    expect.objectContaining({
      code: 'request-invalid',
      message: '/seed must be a number, not the string "x"',
    }) as Error,
  )
})

describe('threshold distance', () => {
  const byDistance = (changes: Record<string, Json>) => ({
    ...aSpec(),
    metric: { threshold: 'distance' },
    knn: { weight: 0 },
    ensemble: { blend: 'mean' },
    ...changes,
  })

  test('goes with neighbours that are looked for, their vote or not, and with the mean of probabilities', () => {
    expect(parseSpec(byDistance({}))).toMatchObject({ knn: { neighbours: 20, vote: 'similarity', weight: 0 } })
    expect(parseSpec(byDistance({ knn: {} }))).toMatchObject({ knn: { weight: null, temperature: null } })
  })

  test.each<[what: string, changes: Record<string, Json>, pointer: string, detail: RegExp]>([
    ['no neighbours', { knn: null }, '/metric/threshold', /give it, `knn: \{ weight: 0 \}` for the distance alone/],
    [
      'a metric without thresholds',
      { metric: { name: 'map', threshold: 'distance' } },
      '/metric/threshold',
      /searched by F-beta, and map goes by no thresholds; choose grouped or none/,
    ],
    [
      'ranks',
      { ensemble: {} },
      '/ensemble/blend',
      /distance is of probabilities, which ranks are not; choose blend mean/,
    ],
  ])('does not go with %s', (_, changes, pointer, detail) => {
    const refused: unknown = { pointer, detail: expect.stringMatching(detail) as string }
    expect(faultsOf(byDistance(changes))).toEqual([refused])
  })
})
