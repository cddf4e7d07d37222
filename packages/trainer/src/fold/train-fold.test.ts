import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ExperimentSpec } from '@baton/contracts'
import type { CheckpointManifest, ExperimentSpecInput } from '@baton/contracts'
import { labelTable, samplesOf, scoreTable, splitFolds } from '@baton/evaluation'
import { integer, streamKey } from '@baton/random'
import { decode } from '@baton/safetensors'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { SavedCheckpoint } from '../checkpoint/save-checkpoint.ts'
import type { LocalFile } from '../checkpoint/write-tensors.ts'
import { tinyWorld } from '../fixtures/tiny-world.ts'
import { environment, handOverAtLook, resultOf } from '../fixtures/train-sessions.ts'
import type { Session, SessionOptions } from '../fixtures/train-sessions.ts'
import type { LocalInput } from '../inputs/local-input.ts'
import type { FoldPorts } from './fold-run.ts'

const specInput: ExperimentSpecInput = {
  name: 'tiny',
  dataset: 'tiny',
  seed: 11,
  folds: { count: 3 },
  model: { name: 'convnet', width: 4, blocks: 1, dropout: 0.1 },
  metric: { beta: 1, minLabels: 0, maxLabels: 3 },
  image: { size: 8, mean: [0.4, 0.4, 0.4], std: [0.2, 0.2, 0.2] },
  augment: [{ op: 'flip' }, { op: 'shift', pixels: 1 }],
  stages: [
    { name: 'head', train: 'head', epochs: 2, batch: 4, schedule: { name: 'constant', lr: 0.02 } },
    {
      name: 'all',
      epochs: 4,
      batch: 6,
      optimizer: { name: 'sgdm' },
      schedule: { name: 'triangular', lr: 0.3 },
      clipNorm: 1,
    },
  ],
  evaluate: { batch: 3, tta: 'flip' },
  checkpoint: { everySeconds: 3600 },
}

const world = tinyWorld(specInput, { train: 27, test: 5, side: 10 })

const startingWith = ({ path: file, digest, sizeBytes }: LocalFile): LocalInput[] => {
  const blob = { digest, sizeBytes }
  return [
    { input: { kind: 'weights', use: 'model.weights', source: 'kept', fold: null, part: 'all', ...blob }, path: file },
  ]
}

describe('a fold trained to its end', () => {
  let whole: Session
  beforeAll(async () => {
    whole = await world.train({ signal: () => null })
  })

  test('leaves predictions of its validation samples and of the test samples, and the best weights', async () => {
    const { outcome } = whole
    if (outcome.kind !== 'completed' || !outcome.test) throw new Error('not completed')
    const foldOf = splitFolds(world.data.manifest, { count: 3, split: 'stratified' }, 11)
    const oof = decode(await readFile(outcome.oof.path)).tensors
    const validation = [...foldOf.keys()].filter((sample) => foldOf[sample] === 1)
    expect([...oof.get('sample')!.data]).toEqual(validation)
    expect(oof.get('probability')!.shape).toEqual([validation.length, 3])
    const onTest = decode(await readFile(outcome.test.path)).tensors
    expect([...onTest.get('sample')!.data]).toEqual([...samplesOf(world.data.manifest, 'test')])
    for (const p of onTest.get('probability')!.data) expect(Number(p) > 0 && Number(p) < 1).toBe(true)
    expect(decode(await readFile(outcome.weights.path)).tensors.has('head/dense/kernel')).toBe(true)
  })

  test('goes through its stages step by step and is evaluated after each epoch', () => {
    // 18 train samples: 4 batches of 4 in each of 2 epochs, then 3 batches of 6 in each of 4.
    expect(whole.outcome).toMatchObject({ position: { step: 20, stage: 1, stageStep: 12, epoch: 4 } })
    const evaluated = whole.metrics.filter(({ name }) => name === 'validation/score').map(({ step }) => step)
    expect(evaluated).toEqual([4, 8, 11, 14, 17, 20])
    const steps = whole.metrics.filter(({ name }) => name === 'train/loss').map(({ step }) => step)
    expect(steps).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  test('keeps the weights of the best evaluation, which scored as the predictions do', async () => {
    const { outcome, metrics } = whole
    if (outcome.kind !== 'completed') throw new Error('not completed')
    const scores = metrics.filter(({ name }) => name === 'validation/score')
    const best = scores.reduce((a, b) => (b.value > a.value ? b : a))
    // Neither the first nor the last, so that keeping either would be found.
    expect(scores.slice(1, -1)).toContain(best)
    expect(outcome.best).toEqual({ score: best.value, step: best.step })
    const oof = decode(await readFile(outcome.oof.path)).tensors
    const probability = oof.get('probability')!.data as Float32Array
    const scored = { probability, actual: labelTable(world.data.manifest, oof.get('sample')!.data as Int32Array) }
    const { metric } = ExperimentSpec.parse(specInput)
    expect(scoreTable(scored, [{ name: 'all', start: 0, end: 3 }], metric)).toBe(best.value)
    expect(best.value).toBeGreaterThan(scores[0]!.value)
  })

  test('saves a checkpoint at each change of stage, and none that nobody asked for', () => {
    expect(whole.checkpoints.map(({ manifest }) => [manifest.position.step, manifest.state.trained])).toEqual([
      [8, false],
      [20, true],
    ])
  })

  test('says where it stands', () => {
    const last = whole.progress.filter(({ position }) => position.step < 20).at(-1)!
    expect(last).toMatchObject({ totalSteps: 20, stageName: 'all', position: { step: 19 } })
    expect(last.loss).toBeGreaterThan(0)
    expect(last.etaSeconds).toBeGreaterThan(0)
    expect(last.imagesPerSecond).toBeGreaterThan(0)
    const waits = whole.metrics.filter(({ name }) => name === 'train/data-wait')
    expect(waits).toHaveLength(20)
    for (const { value } of waits) expect(value > 0 && value < 1).toBe(true)
  })

  test('ends with the same bytes every time, and another fold or seed with others', async () => {
    expect(resultOf(await world.train())).toEqual(resultOf(whole))
    expect(resultOf(await world.train({ fold: 2 })).digests[2]).not.toBe(resultOf(whole).digests[2])
    expect(resultOf(await world.train({ spec: { seed: 12 } })).digests[2]).not.toBe(resultOf(whole).digests[2])
  })

  test.each([1, 2, 3, 4])('ends with the same bytes when it is interrupted at random, %i', async (seed) => {
    const key = streamKey('interrupt', seed)
    const looks = Array.from({ length: 2 + seed }, (_, i) => 1 + integer(key, i, Math.ceil(whole.polls / 3)))
    const pieces = await world.trainInPieces(looks.map(handOverAtLook))
    expect(pieces.length).toBeGreaterThan(2)
    expect(resultOf(pieces.at(-1)!).digests).toEqual(resultOf(whole).digests)
    const checkpoints = pieces.flatMap((piece) => piece.checkpoints)
    expect(checkpoints.at(-1)!.manifest).toEqual(whole.checkpoints.at(-1)!.manifest)
  })

  test('loses no step at a hand-over and does none twice', async () => {
    const pieces = await world.trainInPieces([handOverAtLook(30), handOverAtLook(60)])
    const steps = pieces.flatMap(({ metrics }) => metrics.filter(({ name }) => name === 'train/loss'))
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  test.each([
    ['an evaluation', 11, false],
    ['an evaluation at the end of a stage', 8, false],
    ['a prediction', 20, true],
  ])('starts %s again that a hand-over cut off', async (_, step, trained) => {
    /** Once progress stands at the step for the second time: the first is the step itself, the next within what follows. */
    const within: SessionOptions['signal'] = (_look, { progress, metrics }) => {
      const evaluated = metrics.some((point) => point.name === 'validation/score' && point.step === step)
      const ticks = progress.filter(({ position }) => position.step === step).length
      return ticks >= 2 && evaluated === trained ? 'hand-over' : null
    }
    const pieces = await world.trainInPieces([within])
    expect(pieces).toHaveLength(2)
    expect(pieces[0]!.outcome).toMatchObject({ kind: 'handed-over', position: { step } })
    expect(pieces[0]!.checkpoints.at(-1)!.manifest).toMatchObject({ position: { step }, state: { trained } })
    expect(resultOf(pieces[1]!).digests).toEqual(resultOf(whole).digests)
  })

  test('goes on from any checkpoint, as after a kill', async () => {
    const frequent = await world.train({ spec: { checkpoint: { everySeconds: 1 } } })
    // Two are of changes of stage; how many others there are is the disk's to decide.
    expect(frequent.checkpoints.length).toBeGreaterThan(2)
    for (const resume of frequent.checkpoints.slice(0, 5)) {
      const resumed = await world.train({ resume, spec: { checkpoint: { everySeconds: 1 } } })
      expect(resultOf(resumed).digests).toEqual(resultOf(whole).digests)
    }
  })

  test('saves when it is asked to and goes on', async () => {
    const asked = await world.train({ signal: (look) => (look === 20 ? 'checkpoint' : null) })
    expect(asked.checkpoints).toHaveLength(3)
    expect(resultOf(asked)).toEqual(resultOf(whole))
  })

  test('a hand-over right after a checkpoint saves nothing twice', async () => {
    const resume = whole.checkpoints[0]!
    const stopped = await world.train({ resume, signal: () => 'hand-over' })
    expect(stopped).toMatchObject({ outcome: { kind: 'handed-over', position: { step: 8 } }, checkpoints: [] })
  })

  test('a hand-over before the first step saves the beginning', async () => {
    const stopped = await world.train({ signal: () => 'hand-over' })
    expect(stopped.outcome).toMatchObject({ kind: 'handed-over', position: { step: 0 } })
    expect(stopped.checkpoints.map(({ manifest }) => manifest.position.step)).toEqual([0])
  })

  test('begins with the weights it is given, and goes on from its checkpoint without them', async () => {
    if (whole.outcome.kind !== 'completed') throw new Error('not completed')
    const { weights } = whole.outcome
    const other = { seed: 12 }
    const first = await world.train({ spec: other, run: { inputs: startingWith(weights) }, signal: handOverAtLook(1) })
    const [begun] = first.checkpoints
    const parts = [begun!.files.weights!, begun!.files['frozen-weights']!]
    const [given, ...own] = await Promise.all(
      [weights.path, ...parts].map(async (file) => decode(await readFile(file)).tensors),
    )
    expect(new Map(own.flatMap((part) => [...part]))).toEqual(new Map(given))
    const rest = await world.train({
      spec: other,
      run: { inputs: startingWith({ ...weights, path: 'gone' }) },
      resume: begun,
    })
    expect(rest.outcome.kind).toBe('completed')
  })

  test('is refused with weights of another network', async () => {
    if (whole.outcome.kind !== 'completed') throw new Error('not completed')
    const run = { inputs: startingWith(whole.outcome.oof) }
    await expect(world.train({ run })).rejects.toMatchObject({ code: 'weights-unfit' })
  })

  test('cancelling keeps nothing', async () => {
    const cancelled = await world.train({ signal: (look) => (look > 40 ? 'cancel' : null) })
    expect(cancelled).toMatchObject({ outcome: { kind: 'cancelled' }, checkpoints: [] })
  })

  test('a checkpoint of another spec or fold, or with changed bytes, is refused', async () => {
    const [resume] = whole.checkpoints as [SavedCheckpoint]
    const corrupt = { code: 'checkpoint-corrupt' }
    await expect(world.train({ resume, fold: 2 })).rejects.toMatchObject(corrupt)
    await expect(world.train({ resume, spec: { seed: 12 } })).rejects.toMatchObject(corrupt)
    const other: CheckpointManifest = { ...resume.manifest, files: resume.manifest.files.map((f) => ({ ...f })) }
    other.files[0]!.digest = '0'.repeat(64)
    await expect(world.train({ resume: { ...resume, manifest: other } })).rejects.toMatchObject(corrupt)
    const position = { ...resume.manifest.position, stageStep: 5 }
    await expect(
      world.train({ resume: { ...resume, manifest: { ...resume.manifest, position } } }),
    ).rejects.toMatchObject(corrupt)
  })

  test('resuming elsewhere says that it is no longer exact', async () => {
    const resume = whole.checkpoints[0]!
    const elsewhere = { tf, environment: { ...environment, intraOpThreads: 8 } }
    const { logs } = await world.train({ resume, ports: { tensorflow: elsewhere } })
    expect(logs.filter((line) => line.startsWith('warn:'))).toEqual([expect.stringContaining('intraOpThreads 1 → 8')])
  })

  test.each([
    [environment, 'without TensorFlow there are no graphs'],
    [{ ...environment, tensorflow: '2.15.1' }, 'the worker was told to'],
  ])('a fold says how its steps run, and why', async (here, reason) => {
    const { logs } = await world.train({ ports: { tensorflow: { tf, environment: here } } })
    expect(logs.filter((line) => line.includes('steps run'))).toEqual([`info: steps run eagerly: ${reason}`])
  })

  test('going on eagerly where it was compiled before is no longer exact either', async () => {
    const resume = whole.checkpoints[0]!
    const manifest = { ...resume.manifest, environment: { ...environment, execution: 'compiled' as const } }
    const { logs } = await world.train({ resume: { ...resume, manifest } })
    expect(logs).toContainEqual(expect.stringContaining('execution compiled → eager'))
  })
})

test('with averages of the weights both are scored, the better is kept, and a resumed fold ends with the same bytes', async () => {
  const options = { spec: { ema: { decay: 0.8 } } }
  const whole = await world.train(options)
  const scoresOf = (name: string) => whole.metrics.filter((point) => point.name === name).map(({ value }) => value)
  const [raw, averaged] = [scoresOf('validation/score'), scoresOf('validation/score-ema')]
  expect(averaged).toHaveLength(raw.length)
  if (whole.outcome.kind !== 'completed') throw new Error('not completed')
  expect(whole.outcome.best.score).toBe(Math.max(...raw, ...averaged))
  const pieces = await world.trainInPieces([handOverAtLook(70), handOverAtLook(50)], options)
  expect(pieces).toHaveLength(3)
  expect(resultOf(pieces.at(-1)!)).toEqual(resultOf(whole))
})

test('what a stage leaves as it is has the same bytes in all its checkpoints, also after a resume', async () => {
  const stages = [
    { ...specInput.stages[1]!, name: 'before', epochs: 1 },
    { ...specInput.stages[0]!, name: 'head', epochs: 4 },
    { ...specInput.stages[1]!, name: 'after', epochs: 1 },
  ]
  const spec = { stages, checkpoint: { everySeconds: 1 } } as Partial<ExperimentSpecInput>
  const pieces = await world.trainInPieces([handOverAtLook(60)], { spec })
  const whole = await world.train({ spec })
  expect(resultOf(pieces.at(-1)!)).toEqual(resultOf(whole))
  for (const session of [...pieces, whole]) {
    const filesIn = (stage: number) =>
      session.checkpoints
        .filter(({ manifest }) => manifest.position.stage === stage && !manifest.state.trained)
        .map(({ manifest }) => new Map(manifest.files.map(({ name, ...blob }) => [name, blob])))
    const ofHead = filesIn(1)
    for (const name of ['frozen-weights', 'frozen-optimizer'] as const)
      expect(new Set(ofHead.map((files) => files.get(name)!.digest)).size, name).toBe(Math.min(1, ofHead.length))
    expect(new Set(ofHead.map((files) => files.get('weights')!.digest)).size).toBe(ofHead.length)
    for (const files of ofHead) {
      expect(files.get('weights')!.sizeBytes).toBeLessThan(files.get('frozen-weights')!.sizeBytes)
      // The best weights are of this stage, or of the one before it, whole.
      expect([undefined, files.get('frozen-weights')]).toContainEqual(files.get('frozen-best'))
    }
    for (const files of filesIn(2)) expect(files.has('frozen-weights')).toBe(false)
  }
  expect(pieces[0]!.checkpoints.at(-1)!.manifest.position.stage).toBe(1)
})

test('averages that score better are what is kept and predicted by', async () => {
  // At so high a rate the weights jump about, and their average lies between.
  const stage = { name: 'all', epochs: 2, batch: 2, optimizer: { name: 'sgd' }, schedule: { name: 'constant', lr: 10 } }
  const metric = { metric: { name: 'log-loss' }, ensemble: { blend: 'mean' } }
  const spec = { stages: [stage], ema: { decay: 0.9 }, ...metric } as Partial<ExperimentSpecInput>
  const { outcome, metrics, checkpoints } = await world.train({ spec })
  if (outcome.kind !== 'completed') throw new Error('not completed')
  const best = metrics.filter(({ value, name }) => name.startsWith('validation/') && value === outcome.best.score)
  expect(best.map(({ name }) => name)).toEqual(['validation/score-ema'])
  expect(best[0]!.step).toBe(outcome.best.step)
  const { files } = checkpoints.at(-1)!
  const [kept, last] = await Promise.all(
    [files.best!, files.weights!].map(async (file) => decode(await readFile(file))),
  )
  expect([...kept!.tensors.keys()]).toEqual([...last!.tensors.keys()])
})

test('softmax is refused before the first step where a sample has not exactly one label', async () => {
  const stages = specInput.stages.map((stage) => ({ ...stage, loss: { name: 'softmax' as const } }))
  const { id, labels } = world.data.manifest.samples.find((sample) => sample.labels.length !== 1)!
  await expect(world.train({ spec: { stages } })).rejects.toMatchObject({
    code: 'spec-invalid',
    message: `the loss softmax is for samples of exactly one label; sample ${id} has ${labels.length}`,
  })
})

test('a fold of single-label samples trains by softmax and predicts probabilities that sum to 1', async () => {
  const stages = specInput.stages.map((stage) => ({ ...stage, loss: { name: 'softmax' as const } }))
  const samples = world.data.manifest.samples.map((sample, i) => ({ ...sample, labels: [i % 3] }))
  const { outcome } = await world.train({ spec: { stages }, run: { manifest: { ...world.data.manifest, samples } } })
  if (outcome.kind !== 'completed') throw new Error('not completed')
  const probability = decode(await readFile(outcome.oof.path)).tensors.get('probability')!
  const sums = tf
    .tensor(probability.data as Float32Array, [...probability.shape])
    .sum(1)
    .dataSync()
  expect(sums).toHaveLength(9)
  for (const sum of sums) expect(sum).toBeCloseTo(1, 5)
})

test('a layer group that the model lacks, in whatever stage, ends the fold before its first step', async () => {
  const stages = specInput.stages.with(1, { ...specInput.stages[1]!, train: ['block1'] })
  await expect(world.train({ spec: { stages } })).rejects.toMatchObject({
    code: 'spec-invalid',
    message: 'stage all trains the layer group block1, which the model lacks; it has block0, head',
  })
})

test('early stopping ends a stage, also when it is resumed in between', async () => {
  const spec: Partial<ExperimentSpecInput> = {
    stages: [
      { name: 'stuck', epochs: 50, batch: 9, schedule: { name: 'constant', lr: 1e-9 } },
      { name: 'next', epochs: 2, batch: 9, schedule: { name: 'constant', lr: 1e-9 } },
    ],
    earlyStop: { patience: 3, minGain: 0.5 },
  }
  const whole = await world.train({ spec })
  // The first evaluation gains; three without gain end the stage: 4 epochs of 2 steps, then 2 epochs of the next.
  expect(whole.outcome).toMatchObject({ kind: 'completed', position: { step: 12, stage: 1, stageStep: 4 } })
  expect(whole.logs.filter((line) => line.includes('stops early'))).toHaveLength(1)
  for (const look of [25, 60, 95]) {
    const pieces = await world.trainInPieces([handOverAtLook(look), handOverAtLook(20)], { spec })
    expect(resultOf(pieces.at(-1)!)).toMatchObject({ digests: resultOf(whole).digests, position: { step: 12 } })
  }
})

test('a dataset without test samples leaves no test prediction', async () => {
  const manifest = {
    ...world.data.manifest,
    samples: world.data.manifest.samples.filter(({ split }) => split === 'train'),
  }
  expect((await world.train({ run: { manifest } })).outcome).toMatchObject({ kind: 'completed', test: null })
})

test('the event loop runs between steps', async () => {
  let turns = 0
  let isOver = false
  const turn = () => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const { metrics } = await world.train()
  isOver = true
  expect(turns).toBeGreaterThan(metrics.length)
})

test('a broken image fails the fold with its sample and what is wrong', async () => {
  const file = path.join(world.dir, 'broken')
  const bytes = Buffer.from(await readFile(world.data.findShard().path))
  const victim = world.data.manifest.samples[4]!
  bytes.fill(7, victim.offset + 8, victim.offset + victim.length)
  await writeFile(file, bytes)
  const digest = createHash('sha256')
    .update(bytes.subarray(victim.offset, victim.offset + victim.length))
    .digest('hex')
  const manifest = { ...world.data.manifest, samples: world.data.manifest.samples.with(4, { ...victim, digest }) }
  await expect(
    world.train({ run: { manifest, findShard: () => ({ path: file, isWhole: true }) } }),
  ).rejects.toMatchObject({
    code: 'sample-broken',
    facts: { sample: victim.id },
    message: expect.stringMatching(/^sample s4: ./) as string,
  })
})

describe('a code bundle', () => {
  let bundles = 0

  async function aBundle(source: string, spec: Partial<ExperimentSpecInput> = {}, file = 'index.js') {
    const bundleDir = path.join(world.dir, `bundle-${bundles++}`)
    await mkdir(bundleDir)
    await writeFile(path.join(bundleDir, file), source)
    const logs: string[] = []
    const log: FoldPorts['log'] = (level, text) => logs.push(`${level}: ${text}`)
    return { logs, options: { spec: { code: 'c'.repeat(64), ...spec }, run: { bundleDir }, ports: { log } } }
  }

  const withLoss = {
    stages: [{ name: 'all', epochs: 2, batch: 6, schedule: { name: 'constant', lr: 0.1 }, loss: { name: 'bundle' } }],
  } satisfies Partial<ExperimentSpecInput>

  test('a loss that becomes NaN names the step and the samples', async () => {
    const source = `let calls = 0
      export const loss = ({ tf }) => (logits, labels) =>
        tf.mean(tf.square(tf.sub(logits, labels))).mul(++calls === 3 ? NaN : 1)`
    const failure = await world.train((await aBundle(source, withLoss)).options).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'loss-not-finite', facts: { step: 2 } })
    const { samples } = (failure as { facts: { samples: string[] } }).facts
    expect(samples).toHaveLength(6)
    expect((failure as Error).message).toContain(samples.join(', '))
  })

  test('its dataset changes the batches, the same way after an interruption', async () => {
    const source = `export const dataset = () => ({ labels }, draw) => {
      for (let i = 0; i < labels.length; i++) labels[i] = labels[i] * 0.5 + draw(i) * 0.5 }`
    const { options } = await aBundle(source, {}, 'index.mjs')
    const changed = resultOf(await world.train(options))
    expect(changed.digests[2]).not.toBe(resultOf(await world.train()).digests[2])
    const pieces = await world.trainInPieces([handOverAtLook(60), handOverAtLook(50)], options)
    expect(pieces).toHaveLength(3)
    expect(resultOf(pieces.at(-1)!).digests).toEqual(changed.digests)
  })

  test.each([
    ['does not parse', 'export const loss = (', /index.js cannot be imported: ./],
    ['throws at import', 'throw new TypeError("no luck")', /TypeError: no luck/],
    ['exports nothing of use', 'export const lost = 1', /exports none of model, loss and dataset/],
    ['exports no function', 'export const loss = 3', /must be a function/],
    ['throws in a step', 'export const loss = () => () => { throw new Error("bad loss") }', /bad loss/],
  ])('one that %s is the user’s failure, with the lines that matter', async (_, source, message) => {
    const { options, logs } = await aBundle(source, withLoss)
    await expect(world.train(options)).rejects.toMatchObject({
      code: 'user-code-failed',
      message: expect.stringMatching(message) as string,
    })
    expect(logs.some((line) => line.startsWith('error:'))).toBe(true)
    expect(logs.join('\n')).not.toContain(world.dir)
  })

  test('one without an entry file says so', async () => {
    const { options } = await aBundle('', {}, 'main.js')
    await expect(world.train(options)).rejects.toMatchObject({
      code: 'user-code-failed',
      message: 'the code bundle has neither index.js nor index.mjs at its top',
    })
  })

  test('running out of memory is told from failing', async () => {
    const source = `export const loss = () => () => {
      throw new Error('Session fail to run with error: OOM when allocating tensor with shape[64,512,512,64]') }`
    const { options } = await aBundle(source, withLoss)
    await expect(world.train(options)).rejects.toMatchObject({ code: 'out-of-memory' })
  })
})
