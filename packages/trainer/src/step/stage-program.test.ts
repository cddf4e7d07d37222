import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import mixed from '../data/fixtures/mix.json' with { type: 'json' }
import { aBatch, aSetup, CLASSES, LR, SIZE, train } from '../fixtures/small-stage.ts'
import type { StageInput } from '../fixtures/small-stage.ts'
import type { BundleModule } from '../models/bundle.ts'
import type { NamedTensors } from '../models/model.ts'
import { isWeight } from './state-names.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const weightsOf = (state: NamedTensors) => new Map([...state].filter(([name]) => isWeight(name)))
const pick = (state: NamedTensors, pattern: RegExp) => new Map([...state].filter(([name]) => pattern.test(name)))
const namesOf = (state: NamedTensors) => [...state.keys()].sort()

test('training lowers the loss, and predicts what it has learnt', () => {
  const setup = aSetup()
  const losses = train(setup, 0, 40)
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length
  expect(mean(losses.slice(-5))).toBeLessThan(0.6 * mean(losses.slice(0, 5)))

  const { images, labels, n } = aBatch(1000, 20)
  const probabilities = setup.program.predict(images, n)
  const right = probabilities.filter((probability, i) => probability > 0.5 === (labels[i] === 1)).length
  expect(right / probabilities.length).toBeGreaterThan(0.8)
})

test.each(['adamw', 'sgdm'])(
  'two programs of equal state that take equal steps stay equal to the byte (%s)',
  (name) => {
    const [first, second] = [aSetup({ optimizer: { name } }), aSetup({ optimizer: { name } })]
    expect(train(first, 0, 4)).toEqual(train(second, 0, 4))
    expect(first.program.state()).toEqual(second.program.state())
  },
)

test('a saved state does not change while training goes on', () => {
  const setup = aSetup()
  train(setup, 0, 1)
  const saved = setup.program.state()
  const copy = structuredClone(saved)
  train(setup, 1, 3)
  expect(saved).toEqual(copy)
})

test('a head stage leaves weights and statistics of the body as they are', () => {
  const setup = aSetup({ train: 'head' })
  const before = setup.program.state()
  train(setup, 0, 3)
  const after = setup.program.state()
  const body = /^block/
  expect(pick(after, body)).toEqual(pick(before, body))
  for (const name of ['head/dense/kernel', 'head/dense/bias'])
    expect(after.get(name)!.data).not.toEqual(before.get(name)!.data)
  expect(namesOf(after).filter((name) => !isWeight(name))).toEqual([
    'adamw/m/head/dense/bias',
    'adamw/m/head/dense/kernel',
    'adamw/t/head/dense/bias',
    'adamw/t/head/dense/kernel',
    'adamw/v/head/dense/bias',
    'adamw/v/head/dense/kernel',
  ])
})

test('a frozen group above a trained one passes gradients on, keeps its weights, and normalises as in inference', () => {
  const setup = aSetup({ train: ['block0'] })
  const before = setup.program.state()
  train(setup, 0, 2)
  const after = setup.program.state()
  expect(pick(after, /^(block1|head)\//)).toEqual(pick(before, /^(block1|head)\//))
  for (const name of ['block0/conv/kernel', 'block0/bn/mean'])
    expect(after.get(name)!.data).not.toEqual(before.get(name)!.data)
})

test('groups below the lowest trained one are left out of the backward pass', () => {
  const backwards: string[] = []
  const bundle: BundleModule = {
    model: ({ tf: t, layersOf }) => {
      const watched = (name: string) =>
        t.customGrad((x) => ({
          value: t.mul(x as tf.Tensor, 1),
          gradFunc: (dy: tf.Tensor) => (backwards.push(name), dy),
        }))
      const dense = layersOf('head').dense('dense', { inputs: 3, units: CLASSES })
      const scales = ['low', 'middle'].map((name) => layersOf(name).variable('scale', [], 'kernel', 1))
      return {
        groups: [
          { name: 'low', run: (x: tf.Tensor4D) => watched('low')(t.mul(t.mean(x, [1, 2]), scales[0]!)) },
          { name: 'middle', run: (x: tf.Tensor) => watched('middle')(t.mul(x, scales[1]!)) },
          { name: 'head', run: dense },
        ],
      }
    },
  }
  const backwardsOf = (trained: unknown) => {
    backwards.length = 0
    train(aSetup({ train: trained }, 1, bundle), 0, 1)
    return [...backwards]
  }
  expect(backwardsOf('head')).toEqual([])
  expect(backwardsOf('last-two')).toEqual(['middle'])
  expect(backwardsOf('all')).toEqual(['middle', 'low'])
})

test('when the body opens, the head keeps its moments by name and the body starts with fresh ones', () => {
  const head = aSetup({ train: 'head' })
  train(head, 0, 3)
  const saved = head.program.state()

  const all = aSetup({ train: 'all' })
  all.program.restore(saved)
  const taken = all.program.state()
  expect(pick(taken, /head\//)).toEqual(pick(saved, /head\//))
  expect(taken.get('adamw/t/head/dense/kernel')!.data).toEqual(Float32Array.of(3))
  expect(taken.get('adamw/t/block0/conv/kernel')!.data).toEqual(Float32Array.of(0))
  expect(taken.get('adamw/m/block0/conv/kernel')!.data.every((value) => value === 0)).toBe(true)

  train(all, 3, 5)
  const after = all.program.state()
  expect(after.get('adamw/t/head/dense/kernel')!.data).toEqual(Float32Array.of(5))
  expect(after.get('adamw/t/block0/conv/kernel')!.data).toEqual(Float32Array.of(2))
})

test('slots that a stage has no use for outlive it: of frozen variables, and of another optimizer', () => {
  const all = aSetup()
  train(all, 0, 2)
  const saved = all.program.state()

  const head = aSetup({ train: 'head', optimizer: { name: 'sgdm' } })
  head.program.restore(saved)
  train(head, 2, 4)
  const after = head.program.state()
  expect(pick(after, /^adamw\//)).toEqual(pick(saved, /^adamw\//))
  expect(namesOf(pick(after, /^sgdm\//))).toEqual(['sgdm/v/head/dense/bias', 'sgdm/v/head/dense/kernel'])

  const again = aSetup()
  again.program.restore(after)
  expect(again.program.state()).toEqual(after)
})

test('steps between two reads of a snapshot do not change it', () => {
  const all = aSetup()
  train(all, 0, 2)
  const expected = all.program.state()
  const snapshot = all.program.snapshot()
  const read = new Map([snapshot.next().value!])
  train(all, 2, 4)
  for (const part of snapshot) if (part) read.set(...part)
  expect(read).toEqual(expected)
  expect(all.program.state()).not.toEqual(expected)
})

test('a state is a copy: whoever takes it may change or transfer it', () => {
  const all = aSetup()
  train(all, 0, 2)
  const head = aSetup({ train: 'head', optimizer: { name: 'sgdm' } })
  head.program.restore(all.program.state())
  const expected = head.program.state()
  for (const { data } of head.program.state().values()) data.fill(7)
  expect(head.program.state()).toEqual(expected)
})

test.each<
  [what: string, change: (state: Map<string, { shape: number[]; data: Float32Array }>) => void, detail: RegExp]
>([
  ['lacks a weight', (state) => state.delete('block0/bn/mean'), /block0\/bn\/mean is missing/],
  ['has an unknown one', (state) => state.set('block9/w', { shape: [], data: Float32Array.of(1) }), /block9\/w is not/],
  [
    'has one of another shape',
    (state) => state.set('head/dense/bias', { shape: [3], data: new Float32Array(3) }),
    /head\/dense\/bias has shape \[3\], not \[2\]/,
  ],
  [
    'has a slot of another shape',
    (state) => state.set('adamw/v/head/dense/bias', { shape: [3], data: new Float32Array(3) }),
    /adamw\/v\/head\/dense\/bias has shape/,
  ],
])('a state that %s is refused and changes nothing', (_what, change, detail) => {
  const donor = aSetup({}, 2)
  train(donor, 0, 1)
  const state = new Map(donor.program.state()) as Map<string, { shape: number[]; data: Float32Array }>
  change(state)

  const setup = aSetup()
  const before = setup.program.state()
  expect(() => setup.program.restore(state)).toThrow(
    expect.objectContaining({ code: 'checkpoint-corrupt', message: expect.stringMatching(detail) as string }) as Error,
  )
  expect(setup.program.state()).toEqual(before)
})

test('a prediction does not depend on the other samples of its batch, and changes no state', () => {
  const setup = aSetup()
  train(setup, 0, 2)
  const before = setup.program.state()
  const { images } = aBatch(7, 3)
  const together = setup.program.predict(images, 3)
  const each = [0, 1, 2].flatMap((i) => [...setup.program.predict(images.slice(i * 192, (i + 1) * 192), 1)])
  expect(each).toEqual([...together])
  expect(setup.program.state()).toEqual(before)
})

test('gradients are clipped to the global norm, and reported as they were before', () => {
  const plain = { optimizer: { name: 'sgdm', momentum: 0 } }
  const free = aSetup(plain)
  const clipped = aSetup({ ...plain, clipNorm: 0.01 })
  const before = weightsOf(clipped.program.state())
  const { gradNorm } = free.program.train(aBatch(0), { lr: 1 }, 0)
  expect(clipped.program.train(aBatch(0), { lr: 1 }, 0).gradNorm).toBe(gradNorm)
  expect(gradNorm).toBeGreaterThan(0.01)

  const moved = [...pick(weightsOf(clipped.program.state()), /kernel|bias|gamma|beta/)].flatMap(([name, { data }]) =>
    Array.from(data, (value, i) => value - before.get(name)!.data[i]!),
  )
  expect(Math.hypot(...moved)).toBeCloseTo(0.01, 5)
})

test('a step says the loss of each sample, and their mean', () => {
  const { program } = aSetup()
  const { loss, losses } = program.train(aBatch(0), { lr: LR }, 0)
  expect(losses).toHaveLength(8)
  expect(loss).toBeCloseTo(losses!.reduce((sum, value) => sum + value) / 8, 6)
})

test.each<[gives: string, loss: (losses: tf.Tensor1D) => tf.Tensor, expected: unknown]>([
  ['the mean alone', (losses) => tf.mean(losses), { losses: null }],
  ['one value a sample', (losses) => losses, { losses: expect.any(Float32Array) as Float32Array }],
])('a bundle’s loss may give %s', (_gives, of, expected) => {
  const losses = (x: tf.Tensor, y: tf.Tensor) => tf.mean<tf.Tensor1D>(tf.square(tf.sub(x, y)), 1)
  const setup = aSetup({ loss: { name: 'bundle' } }, 1, { loss: () => (x, y) => of(losses(x, y)) as tf.Tensor1D })
  const before = setup.program.train(aBatch(0), { lr: LR }, 0)
  expect(before).toMatchObject(expected as object)
  expect(setup.program.train(aBatch(0), { lr: LR }, 1).loss).toBeLessThan(before.loss)
})

test('a bundle’s loss of another shape is the user’s fault', () => {
  const { program } = aSetup({ loss: { name: 'bundle' } }, 1, { loss: () => (x) => tf.sum(x, 0) })
  expect(() => program.train(aBatch(0), { lr: LR }, 0)).toThrow(
    expect.objectContaining({
      code: 'user-code-failed',
      message: 'the loss gives values of shape [2]; one a sample, [8], or their mean is needed',
    }) as Error,
  )
})

test('a layer group of factor f takes steps of f times the length', () => {
  const sgd = { optimizer: { name: 'sgdm', momentum: 0 } }
  const changeOf = (stage: StageInput) => {
    const setup = aSetup(stage)
    const before = setup.program.state()
    train(setup, 0, 1)
    return (name: string) =>
      setup.program
        .state()
        .get(name)!
        .data.map((value, i) => value - before.get(name)!.data[i]!)
  }
  const plain = changeOf(sgd)
  const scaled = changeOf({ ...sgd, lrScale: { groups: { block0: 0.25, head: 2 } } })
  for (const [name, factor] of [
    ['block0/conv/kernel', 0.25],
    ['block1/conv/kernel', 1],
    ['head/dense/bias', 2],
  ] as const)
    scaled(name).forEach((value, i) => expect(value).toBeCloseTo(factor * plain(name)[i]!, 6))
})

test('a momentum that is given takes the place of the optimizer’s for that step', () => {
  const last = (momentum: number, given?: number) => {
    const { program } = aSetup({ optimizer: { name: 'sgdm', momentum } })
    for (let i = 0; i < 3; i++) program.train(aBatch(i), { lr: LR, ...(given !== undefined && { momentum: given }) }, i)
    return program.state()
  }
  expect(last(0.9, 0.5)).toEqual(last(0.5))
  expect(last(0.9)).not.toEqual(last(0.5))
})

const withAverage = (stage: StageInput = {}, initialSeed = 1) =>
  aSetup(stage, initialSeed, undefined, { decay: 0.8, warmup: false })

test('averages predict as a model of their values would, and the weights are what they were', () => {
  const setup = withAverage()
  train(setup, 0, 3)
  const state = setup.program.state()
  const { images, n } = aBatch(50)
  const byAverage = setup.program.predict(images, n, 'average')
  expect(setup.program.state()).toEqual(state)
  expect(byAverage).not.toEqual(setup.program.predict(images, n))

  const averaged = aSetup()
  averaged.program.restore(new Map(namesOf(weightsOf(state)).map((name) => [name, state.get(`ema/${name}`)!])))
  expect(averaged.program.predict(images, n)).toEqual(byAverage)
})

test('averages are kept by name from stage to stage, of frozen weights too, and the weights train as without them', () => {
  const head = withAverage({ train: 'head' })
  train(head, 0, 3)
  const saved = head.program.state()
  saved.get('ema/block0/conv/kernel')!.data.forEach((value, i) => {
    expect(value).toBeCloseTo(saved.get('block0/conv/kernel')!.data[i]!, 6)
  })

  const all = withAverage()
  all.program.restore(saved)
  expect(pick(all.program.state(), /^ema/)).toEqual(pick(saved, /^ema/))
  train(all, 3, 5)
  const plain = aSetup()
  const isOwn = ([name]: [string, unknown]) => !name.startsWith('ema/')
  plain.program.restore(new Map([...saved].filter(isOwn)))
  train(plain, 3, 5)
  expect(new Map([...all.program.state()].filter(isOwn))).toEqual(plain.program.state())
})

test('training, predicting, saving and restoring leave no tensor behind', () => {
  const before = tf.memory().numTensors
  const setup = aSetup()
  const round = (i: number) => {
    train(setup, i, i + 1)
    setup.program.predict(aBatch(0, 2).images, 2)
    setup.program.restore(setup.program.state())
    return tf.memory().numTensors
  }
  const first = round(0)
  expect([round(1), round(2)]).toEqual([first, first])
  setup.program.dispose()
  setup.model.dispose()
  expect(tf.memory().numTensors).toBe(before)
})

const aBundle = (head: (features: tf.Tensor) => tf.Tensor): BundleModule => ({
  model: ({ tf: t, head: layers }) => {
    const dense = layers.dense('dense', { inputs: 3, units: CLASSES })
    layers.variable('unused', [2], 'kernel', 1)
    return {
      body: (images) => t.mean(images, [1, 2]),
      head: (features, pass) => head(dense(features as tf.Tensor2D, pass)) as tf.Tensor2D,
    }
  },
})

test('a bundle’s model trains; a variable that it does not use stays but for its decay', () => {
  const setup = aSetup(
    { optimizer: { name: 'adamw', weightDecay: 0 } },
    1,
    aBundle((logits) => logits),
  )
  const before = setup.program.state()
  train(setup, 0, 2)
  const after = setup.program.state()
  expect(after.get('head/unused')).toEqual(before.get('head/unused'))
  expect(after.get('head/dense/kernel')).not.toEqual(before.get('head/dense/kernel'))
})

test.each<[what: string, code: string, head: (features: tf.Tensor) => tf.Tensor, message: RegExp]>([
  ['of another shape', 'user-code-failed', (x) => tf.concat([x, x], 1), /logits of shape \[8, 4\]; \[8, 2\] is needed/],
  ['that cannot be computed', 'user-code-failed', (x) => tf.matMul(x, x), /the model head of the code bundle: /],
  [
    'too large for memory',
    'out-of-memory',
    () => {
      throw new Error('Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1000000,1000000]')
    },
    /ran out of memory/,
  ],
])('logits %s end the step as %s', (_what, code, head, message) => {
  const { program } = aSetup({}, 1, aBundle(head))
  expect(() => program.train(aBatch(0), { lr: LR }, 0)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
  )
})

test('mixup averages pictures in floats, as torch does', () => {
  const bundle: BundleModule = {
    model: ({ tf: t, head, classes }) => {
      const dense = head.dense('dense', { inputs: 1, units: classes })
      return {
        body: (images) => t.reshape(t.mean(t.square(images), [1, 2, 3]), [-1, 1]),
        head: (features, pass) => dense(features as tf.Tensor2D, pass),
      }
    },
    loss:
      ({ tf: t }) =>
      (logits) =>
        t.mean<tf.Tensor1D>(logits, 1),
  }
  const stage = { mix: { name: 'mixup' }, loss: { name: 'bundle' }, imageSize: mixed.size }
  const { program } = aSetup(stage, 1, bundle)
  const { n, images } = mixed
  const bytes = images.length / n
  const partners = mixed.partner.flatMap((row) => images.slice(row * bytes, (row + 1) * bytes))
  const blend = { partners: Uint8Array.from(partners), lambda: Float32Array.from(mixed.lambda) }
  const batch = { images: Uint8Array.from(images), labels: new Float32Array(n * CLASSES), blend, n }
  const { losses } = program.train(batch, { lr: 0.01 }, 0)
  // Logits are the mean squares times a weight that all have in common.
  losses!.forEach((loss, i) =>
    expect(Math.abs(loss / losses![0]! / (mixed.mixedSquares[i]! / mixed.mixedSquares[0]!) - 1)).toBeLessThan(1e-5),
  )
})

test('a stage may train at another size than predictions are made at', () => {
  const { program } = aSetup({ imageSize: 2 * SIZE })
  const side = 2 * SIZE
  const large = {
    images: new Uint8Array(4 * side * side * 3),
    labels: new Float32Array(4 * CLASSES),
    blend: null,
    n: 4,
  }
  expect(program.train(large, { lr: LR }, 0).loss).toBeGreaterThan(0)
  expect(program.predict(aBatch(0).images, 8)).toHaveLength(8 * CLASSES)
})
