import { beforeAll, expect, test } from 'vitest'
import { streamKey, uniform } from '@baton/random'
import type { Tf } from '@baton/tensorflow'
import { onlyStage } from '../../packages/trainer/src/fixtures/only-stage.ts'
import type { StageProgram } from '../../packages/trainer/src/step/stage-program.ts'
import type { TrainBatch } from '../../packages/trainer/src/step/train-batch.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

const SIZE = 32
const CLASSES = 5
const BATCH = 16

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

/** A small ResNet with dropout and clipping. `initialSeed` decides its weights, and nothing else. */
function aProgram(train: 'head' | 'all', initialSeed = 1): StageProgram {
  const spec = { model: { name: 'resnet', width: 8, layers: [1, 1], dropout: 0.2 }, image: { size: SIZE } }
  return onlyStage({ tf, spec, stage: { train, clipNorm: 1 }, classes: CLASSES, initialSeed }).program
}

/** Noise whose brightness in each of five bands says whether the label is there. */
function aBatch(index: number): TrainBatch {
  const labels = Float32Array.from({ length: BATCH * CLASSES }, (_, i) =>
    Math.round(uniform(streamKey('label', index), i)),
  )
  const noise = streamKey('batch', index)
  const images = Uint8Array.from({ length: BATCH * SIZE * SIZE * 3 }, (_, i) => {
    const sample = Math.floor(i / (SIZE * SIZE * 3))
    const band = Math.floor(((Math.floor(i / (SIZE * 3)) % SIZE) * CLASSES) / SIZE)
    return uniform(noise, i) * 100 + (labels[sample * CLASSES + band] === 1 ? 150 : 0)
  })
  return { images, labels, blend: null, n: BATCH }
}

function train(program: StageProgram, from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => program.train(aBatch(from + i), { lr: 0.01 }, from + i).loss)
}

test('with TensorFlow, training lowers the loss', () => {
  const losses = train(aProgram('all'), 0, 80)
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length
  expect(mean(losses.slice(-5))).toBeLessThan(0.6 * mean(losses.slice(0, 5)))
})

test('with TensorFlow, a training stopped in any stage and resumed equals one never stopped, to the byte', () => {
  const straight = aProgram('head')
  train(straight, 0, 2)
  const afterTwo = straight.state()
  train(straight, 2, 4)
  const opened = aProgram('all', 2)
  opened.restore(straight.state())
  train(opened, 4, 6)
  const afterSix = opened.state()
  train(opened, 6, 8)

  const resumedHead = aProgram('head', 3)
  resumedHead.restore(afterTwo)
  train(resumedHead, 2, 4)
  const resumedAll = aProgram('all', 4)
  resumedAll.restore(resumedHead.state())
  train(resumedAll, 4, 6)
  expect(resumedAll.state()).toEqual(afterSix)

  const resumedAgain = aProgram('all', 5)
  resumedAgain.restore(afterSix)
  train(resumedAgain, 6, 8)
  expect(resumedAgain.state()).toEqual(opened.state())
  const { images } = aBatch(100)
  expect(resumedAgain.predict(images, BATCH)).toEqual(opened.predict(images, BATCH))
})

test('with TensorFlow, steps, predictions and saves leave no tensor behind', () => {
  const program = aProgram('all')
  const round = (i: number) => {
    train(program, i, i + 1)
    program.predict(aBatch(i).images, BATCH)
    program.restore(program.state())
    return tf.memory().numTensors
  }
  const first = round(0)
  expect([round(1), round(2)]).toEqual([first, first])
})

// In one process with oneDNN this ended with a double free.
test('with TensorFlow, a ResNet trains on batches of odd numbers', () => {
  const program = aProgram('all')
  for (const n of [5, 3, 1, 7]) {
    const { images, labels } = aBatch(n)
    const batch = {
      images: images.subarray(0, n * SIZE * SIZE * 3),
      labels: labels.subarray(0, n * CLASSES),
      blend: null,
      n,
    }
    for (let step = 0; step < 5; step++) expect(program.train(batch, { lr: 0.01 }, step).loss).toBeGreaterThan(0)
  }
})
