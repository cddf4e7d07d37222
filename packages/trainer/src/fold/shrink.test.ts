import type { ExperimentSpecInput } from '@baton/contracts'
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import { cramped } from '../fixtures/cramped.ts'
import { tinyWorld } from '../fixtures/tiny-world.ts'
import { environment, resultOf } from '../fixtures/train-sessions.ts'
import type { Session, SessionOptions } from '../fixtures/train-sessions.ts'

const specInput: ExperimentSpecInput = {
  name: 'tiny',
  dataset: 'tiny',
  seed: 11,
  folds: { count: 3 },
  model: { name: 'convnet', width: 4, blocks: 1, dropout: 0.1 },
  image: { size: 8 },
  stages: [
    { name: 'head', train: 'head', epochs: 1, batch: 4, schedule: { name: 'constant', lr: 0.02 } },
    { name: 'all', epochs: 2, batch: 6, schedule: { name: 'constant', lr: 0.01 } },
  ],
  ema: { decay: 0.9 },
  evaluate: { batch: 4 },
}

const world = tinyWorld(specInput, { train: 27, test: 5, side: 10 })

const tensorflow = { tf, environment }
const on = (pictures: number, options: SessionOptions = {}): SessionOptions => ({
  ...options,
  ports: { ...options.ports, tensorflow: cramped(tensorflow, pictures) },
})
const statesOf = ({ checkpoints }: Session) => checkpoints.map(({ manifest }) => manifest.state)
const warnings = ({ logs }: Session) => logs.filter((line) => line.startsWith('warn'))

test('a training that runs out of memory goes on with less at a time, and says so', async () => {
  const session = await world.train(on(3))
  expect(warnings(session)).toEqual([
    'warn: out of memory at step 0: batches of stage head are done in 2 parts, 2 samples at a time, and still make one update each',
    'warn: out of memory in a prediction at step 4: 2 pictures are predicted at a time',
    'warn: out of memory at step 4: batches of stage all are done in 2 parts, 3 samples at a time, and still make one update each; batch normalisation sees only so many at a time, too',
  ])
  expect(statesOf(session).map(({ accumulate, predictBatch }) => [accumulate, predictBatch])).toContainEqual([2, 2])
  expect(session.metrics.filter(({ name }) => name === 'train/micro-batch')).toEqual([
    { step: 0, name: 'train/micro-batch', value: 2 },
    { step: 0, name: 'train/micro-batch', value: 2 },
    { step: 4, name: 'train/micro-batch', value: 3 },
  ])
  expect(session.outcome.kind).toBe('completed')
})

test('it ends as a training whose spec asked for so much at a time', async () => {
  const [head, all] = specInput.stages as [object, object]
  const stages = [
    { ...head, accumulate: 2 },
    { ...all, accumulate: 2 },
  ] as ExperimentSpecInput['stages']
  const asked = await world.train({ spec: { stages, evaluate: { batch: 2 } } })
  const { digests, best, position } = resultOf(await world.train(on(3)))
  expect({ digests, best, position }).toEqual({ ...resultOf(asked), last: undefined })
})

test('who resumes it goes on with as much at a time, to the same bytes, also where more would fit', async () => {
  const whole = resultOf(await world.train(on(3)))
  const signal: SessionOptions['signal'] = (_, { progress }) => {
    const { stage, stageStep } = progress.at(-1)?.position ?? { stage: 0, stageStep: 0 }
    return stage === 1 && stageStep > 0 ? 'hand-over' : null
  }
  const resume = (await world.train({ ...on(3), signal })).checkpoints.at(-1)!
  expect(resume.manifest).toMatchObject({ position: { stage: 1 }, state: { accumulate: 2, predictBatch: 2 } })
  for (const options of [on(3), {}]) {
    const session = await world.train({ ...options, resume })
    expect(resultOf(session)).toEqual(whole)
    expect(warnings(session)).toEqual([])
    expect(session.logs).toContain('info: stage all does 3 samples at a time, as it ran out of memory with more')
  }
})

test('a second stage begins with its batches whole', async () => {
  const session = await world.train(on(5))
  expect(warnings(session)).toHaveLength(1)
  const states = session.checkpoints.map(({ manifest }) => [manifest.position.stage, manifest.state.accumulate])
  expect(states).toContainEqual([1, 2])
  expect(states.filter(([stage]) => stage === 0).every(([, accumulate]) => accumulate === null)).toBe(true)
})

test('memory that has no room for one sample fails the fold, and names where', async () => {
  await expect(world.train(on(0))).rejects.toMatchObject({
    code: 'out-of-memory',
    message: 'a step of stage head, one sample at a time, needs more memory than there is',
    facts: { during: 'step', step: 0 },
  })
})

test('`onOom: fail` fails the fold at once', async () => {
  const session = world.train(on(3, { spec: { onOom: 'fail' } }))
  await expect(session).rejects.toMatchObject({ code: 'out-of-memory', facts: { during: 'step' } })
})

test('memory that runs out in the midst of a training costs the steps since its newest checkpoint', async () => {
  let steps = 0
  const failing: typeof tf.variableGrads = (...args) => {
    if (++steps === 3) throw new Error('failed to allocate memory')
    return tf.variableGrads(...args)
  }
  const ports = { tensorflow: { tf: { ...tf, variableGrads: failing }, environment } }
  const signal = (look: number) => (look === 2 ? ('checkpoint' as const) : null)
  const session = await world.train({ ports, signal })
  expect(session.outcome.kind).toBe('completed')
  expect(warnings(session)).toEqual([expect.stringContaining('out of memory at step 2') as string])
  expect(session.logs.join('\n')).toMatch(/out of memory at step 2[^]*resumed at step 1/)
})
