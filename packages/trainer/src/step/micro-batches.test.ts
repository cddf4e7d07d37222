import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import type { LossSpec } from '@baton/contracts'
import { aBatch, aSetup, CLASSES, LR, SIZE } from '../fixtures/small-stage.ts'
import { onlyStage } from '../fixtures/only-stage.ts'
import type { BundleModule } from '../models/bundle.ts'
import type { StageProgram } from './stage-program.ts'
import type { TrainBatch } from './train-batch.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

/** A net whose samples know nothing of each other: no normalisation, no dropout. */
const plainBundle: BundleModule = {
  model: ({ tf: t, body, head }) => {
    const conv = body.conv2d('conv', { inputs: 3, filters: 4, size: 3 })
    const dense = head.dense('dense', { inputs: 4, units: CLASSES })
    return {
      body: (images, pass) => t.mean(t.relu(conv(images, pass)), [1, 2]),
      head: (features, pass) => dense(features as tf.Tensor2D, pass),
    }
  },
  loss:
    ({ tf: t }) =>
    (logits, labels) =>
      t.mean(t.abs(t.sub(logits, labels))),
}

const mixupOf = (n: number) => ({
  partners: aBatch(1, n).images,
  lambda: Float32Array.from({ length: n }, (_, i) => 0.5 + i / 16),
})

/** Takes the same three steps in both, of which all that is said and all that is left is the same up to rounding. */
function expectEqualSteps(whole: StageProgram, parts: StageProgram, batch: TrainBatch): void {
  for (let step = 0; step < 3; step++) {
    const [expected, actual] = [whole, parts].map((program) => program.train(batch, { lr: 0.5 }, step))
    for (const name of ['loss', 'gradNorm'] as const) expect(actual![name]).toBeCloseTo(expected![name], 5)
    expect(actual!.lossScale).toBe(expected!.lossScale)
    expect(actual!.losses?.length).toBe(expected!.losses?.length)
    actual!.losses?.forEach((loss, i) => expect(loss).toBeCloseTo(expected!.losses![i]!, 5))
  }
  const [expected, actual] = [whole.state(), parts.state()]
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [name, { data }] of expected)
    data.forEach((value, i) => expect(actual.get(name)!.data[i]).toBeCloseTo(value, 5))
}

test.each([
  [8, 4, null],
  [6, 4, null],
  [8, 3, null],
  [3, 8, null],
  [8, 8, null],
  [8, 2, { name: 'mixup' }],
])('a batch of %i in %i parts makes the step that it makes whole (mix %j)', (n, accumulate, mix) => {
  const batch = { ...aBatch(0, n), blend: mix && mixupOf(n) }
  const stage = { mix, batch: 8, clipNorm: 0.05, optimizer: { name: 'sgdm' } }
  const programOf = (parts: number) =>
    onlyStage({
      tf,
      spec: { model: { name: 'bundle' }, image: { size: SIZE }, ema: { decay: 0.9 } },
      stage: { ...stage, batch: 24, accumulate: parts },
      bundle: plainBundle,
      classes: CLASSES,
      precision: 'fp16',
    }).program
  expectEqualSteps(programOf(1), programOf(accumulate), batch)
})

const losses: (Pick<LossSpec, 'name'> & Record<string, unknown>)[] = [
  { name: 'bce', positiveWeight: [1, 3], labelSmoothing: 0.1 },
  { name: 'focal', detach: true },
  { name: 'focal' },
  { name: 'soft-fbeta' },
  { name: 'bce+fbeta', positiveWeight: [2, 0.5], fbetaWeight: 2 },
  { name: 'forgiving', forgivingWeight: 2 },
  { name: 'asymmetric', detach: true },
  { name: 'softmax' },
  { name: 'bundle' },
]

test.each(losses)('so it does by every loss: $name', (loss) => {
  const [whole, parts] = [1, 3].map(
    (accumulate) => aSetup({ batch: 24, accumulate, loss, optimizer: { name: 'sgd' } }, 1, plainBundle).program,
  )
  expectEqualSteps(whole!, parts!, aBatch(0, 7))
})

test('so it does with batch normalisation that is frozen', () => {
  const [whole, parts] = [1, 3].map((accumulate) => {
    const spec = { model: { name: 'convnet', width: 3, blocks: 2, dropout: 0 }, image: { size: SIZE } }
    return onlyStage({ tf, spec, stage: { train: 'head', batch: 24, accumulate }, classes: CLASSES }).program
  })
  expectEqualSteps(whole!, parts!, aBatch(0, 7))
})

test('batch normalisation that trains goes by the samples of a part', () => {
  const [whole, parts] = [1, 2].map((accumulate) => {
    const spec = { model: { name: 'convnet', width: 3, blocks: 2, dropout: 0 }, image: { size: SIZE } }
    return onlyStage({ tf, spec, stage: { batch: 8, accumulate }, classes: CLASSES }).program.train(
      aBatch(0),
      { lr: LR },
      0,
    )
  })
  expect(Math.abs(parts!.loss - whole!.loss)).toBeGreaterThan(1e-4)
})

test('every part of a batch draws dropout of its own', () => {
  const twice = aBatch(0, 4)
  const double = (table: Uint8Array | Float32Array) => [...table, ...table]
  const batch = { ...twice, images: Uint8Array.from(double(twice.images)), labels: Float32Array.from(double(twice.labels)), n: 8 } // prettier-ignore
  const dropping: BundleModule = {
    model: ({ tf: t, head }) => {
      const drop = head.dropout<tf.Tensor2D>('drop', 0.5)
      const dense = head.dense('dense', { inputs: 3, units: CLASSES })
      return { body: (images) => t.mean(images, [1, 2]), head: (x, pass) => dense(drop(x as tf.Tensor2D, pass), pass) }
    },
  }
  const { losses } = aSetup({ batch: 8, accumulate: 2 }, 1, dropping).program.train(batch, { lr: LR }, 0)
  expect(losses!.slice(4)).not.toEqual(losses!.slice(0, 4))
})
