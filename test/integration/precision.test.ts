import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExperimentSpecInput, Precision } from '@baton/contracts'
import { streamKey, uniform } from '@baton/random'
import { decode, encode } from '@baton/safetensors'
import type { Tf } from '@baton/tensorflow'
import { onlyStage } from '../../packages/trainer/src/fixtures/only-stage.ts'
import { makeTinyDataset } from '../../packages/trainer/src/fixtures/tiny-dataset.ts'
import {
  environment,
  handOverAtLook,
  resultOf,
  trainSessions,
} from '../../packages/trainer/src/fixtures/train-sessions.ts'
import type { Session, TrainSessions } from '../../packages/trainer/src/fixtures/train-sessions.ts'
import type { NamedTensors } from '../../packages/trainer/src/models/model.ts'
import { isSkipped } from '../../packages/trainer/src/step/stage-program.ts'
import type { StageProgram, StepResult } from '../../packages/trainer/src/step/stage-program.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

let tf: Tf
beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

const SIZE = 8
const CLASSES = 3
const N = 8

const convnet = { name: 'convnet', width: 8, blocks: 2, dropout: 0 } as const

function aProgram(precision: Precision, stage: Record<string, unknown> = {}, more: Partial<ExperimentSpecInput> = {}) {
  const spec = { model: convnet, image: { size: SIZE }, precision, ...more }
  const log = (line: string) => expect.unreachable(line)
  return onlyStage({ tf, spec, stage, classes: CLASSES, precision, log }).program
}

/** Steps on pictures whose channels are bright where they have a label. */
function train(program: StageProgram, from: number, to: number, n = N): StepResult[] {
  return Array.from({ length: to - from }, (_, i) => {
    const step = from + i
    const labels = Float32Array.from({ length: n * CLASSES }, (_, at) => Math.round(uniform(streamKey('y', step), at)))
    const images = Uint8Array.from({ length: n * SIZE * SIZE * 3 }, (_, at) => {
      const bright = labels[Math.floor(at / (SIZE * SIZE * 3)) * CLASSES + (at % 3)] === 1
      return uniform(streamKey('x', step), at) * 120 + (bright ? 100 : 0)
    })
    return program.train({ images, labels, blend: null, n }, { lr: 0.02 }, step)
  })
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** ‖a − b‖ / ‖b‖ */
function relative(a: Float32Array, b: Float32Array): number {
  const length = (values: ArrayLike<number>) => Math.hypot(...Array.from(values))
  return length(a.map((value, i) => value - b[i]!)) / length(b)
}

/** Of all kernels together, by one step of SGD from equal weights: what it moved them by, over its rate. */
function gradientOf(precision: Precision): Float32Array {
  const program = aProgram(precision, { optimizer: { name: 'sgd' } })
  const before = program.state()
  train(program, 0, 1, 64)
  const kernels = [...program.state()].filter(([name]) => name.endsWith('kernel'))
  return Float32Array.from(
    kernels.flatMap(([name, { data }]) => [...data.map((w, i) => before.get(name)!.data[i]! - w)]),
  )
}

// Most of it is relu and pooling, which rounding makes choose another side or pixel.
test.each<[Precision, number]>([
  ['bf16', 2e-2],
  ['fp16', 1e-2],
])('the gradient in %s is that of fp32 to a relative error of %d, and not the same', (precision, tolerance) => {
  const error = relative(gradientOf(precision), gradientOf('fp32'))
  expect(error).toBeLessThan(tolerance)
  expect(error).toBeGreaterThan(tolerance / 100)
})

test('training in bf16 lowers the loss, and keeps weights, statistics and slots in float32', () => {
  const program = aProgram('bf16')
  const losses = train(program, 0, 40).map(({ loss }) => loss)
  expect(mean(losses.slice(-5))).toBeLessThan(0.6 * mean(losses.slice(0, 5)))
  const bits = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!
  for (const name of ['block0/conv/kernel', 'block0/bn/mean', 'adamw/m/head/dense/kernel']) {
    const { data } = program.state().get(name)!
    // bfloat16 is the upper half of a float32.
    expect(
      data.some((value) => (bits(value) & 0xffff) !== 0),
      name,
    ).toBe(true)
  }
})

test('predictions are float32, whatever trained: equal weights predict equal bytes', () => {
  const [low, exact] = [aProgram('bf16'), aProgram('fp32')]
  train(low, 0, 3)
  exact.restore(low.state())
  const images = Uint8Array.from({ length: N * SIZE * SIZE * 3 }, (_, i) => (i * 37) % 256)
  expect(low.predict(images, N)).toEqual(exact.predict(images, N))
})

function withScale(state: NamedTensors, scale: number, goodSteps = 0): NamedTensors {
  const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) })
  return new Map([...state, ['loss-scale/scale', scalar(scale)], ['loss-scale/good-steps', scalar(goodSteps)]])
}

function expectFinite(state: NamedTensors): void {
  for (const [name, { data }] of state) expect(data.every(Number.isFinite), name).toBe(true)
}

const scaleOf = (state: NamedTensors) =>
  ['scale', 'good-steps'].map((name) => state.get(`loss-scale/${name}`)!.data[0]!)
const besideScale = (state: NamedTensors) => new Map([...state].filter(([name]) => !name.startsWith('loss-scale/')))

test('a step in fp16 whose gradients overflow changes nothing but the scale, which halves until they fit and doubles after 2,000 steps', () => {
  const program = aProgram('fp16')
  program.restore(withScale(program.state(), 2 ** 24))
  const before = program.state()
  const [first] = train(program, 0, 1) as [StepResult]
  expect(first.lossScale).toBe(2 ** 24)
  expect([isSkipped(first), Number.isFinite(first.loss)]).toEqual([true, true])
  expect(besideScale(program.state())).toEqual(besideScale(before))
  expect(scaleOf(program.state())).toEqual([2 ** 23, 0])

  const results = train(program, 1, 16)
  const skips = results.filter((result) => isSkipped(result)).length
  expect(skips).toBeGreaterThan(0)
  const after = program.state()
  expect(scaleOf(after)[0]).toBe(2 ** (23 - skips))
  // A step that was skipped is no update, and Adam counts updates.
  expect(after.get('adamw/t/head/dense/kernel')!.data[0]).toBe(15 - skips)
  expectFinite(after)

  program.restore(withScale(after, 64, 1999))
  train(program, 16, 17)
  expect(scaleOf(program.state())).toEqual([128, 0])
})

test('averages begin with the weights even where the first step overflows', () => {
  const program = aProgram('fp16', {}, { ema: { decay: 0.9 } })
  program.restore(withScale(program.state(), 2 ** 24))
  train(program, 0, 1)
  const state = program.state()
  expect(state.get('ema/block0/conv/kernel')!.data).toEqual(state.get('block0/conv/kernel')!.data)
})

test('an overflow in one part of a batch skips the update of all, and leaves nothing behind', () => {
  const program = aProgram('fp16', { accumulate: 2, batch: N })
  program.restore(withScale(program.state(), 2 ** 24))
  const before = program.state()
  expect(train(program, 0, 1).map(isSkipped)).toEqual([true])
  expect(besideScale(program.state())).toEqual(besideScale(before))
  expect(train(program, 1, 16).map(isSkipped)).toContain(false)
  expectFinite(program.state())
})

test.each<Precision>(['bf16', 'fp16'])(
  'a stage in %s goes on from any step to the bytes of one never stopped',
  (precision) => {
    const straight = aProgram(precision)
    if (precision === 'fp16') straight.restore(withScale(straight.state(), 2 ** 20))
    const states = Array.from({ length: 8 }, (_, step) => {
      train(straight, step, step + 1)
      return straight.state()
    })
    for (const cut of [1, 5]) {
      const resumed = aProgram(precision)
      resumed.restore(states[cut - 1]!)
      train(resumed, cut, 8)
      expect(resumed.state()).toEqual(states.at(-1))
    }
  },
)

describe('a fold', () => {
  let dir: string
  let sessions: TrainSessions
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'baton-precision-'))
    const data = await makeTinyDataset({ dir, train: 18, test: 4, side: 10 })
    const spec: ExperimentSpecInput = {
      name: 'tiny',
      dataset: 'tiny',
      folds: { count: 3 },
      model: { name: 'convnet', width: 4, blocks: 1, dropout: 0.1 },
      image: { size: 8 },
      stages: [
        { name: 'head', train: 'head', epochs: 1, batch: 4, schedule: { name: 'constant', lr: 0.02 } },
        { name: 'all', epochs: 2, batch: 4, schedule: { name: 'constant', lr: 0.02 } },
      ],
      metric: { minLabels: 0, maxLabels: 3 },
      checkpoint: { everySeconds: 3600 },
    }
    sessions = trainSessions({ dir, data, spec })
  })
  afterAll(() => rm(dir, { recursive: true }))

  const native = () => ({
    tensorflow: { tf, environment: { ...environment, tensorflow: '2', device: 'CPU', execution: 'compiled' as const } },
  })
  /** The last checkpoint stands in a session before the last one where only predicting was left. */
  const leftBy = (pieces: Session[]) => {
    const { digests, best, position } = resultOf(pieces.at(-1)!)
    return { digests, best, position, manifest: pieces.flatMap(({ checkpoints }) => checkpoints).at(-1)!.manifest }
  }
  const environments = ({ checkpoints }: Session) => checkpoints.map(({ manifest }) => manifest.environment.precision)

  test.each<Precision>(['bf16', 'fp16'])(
    'trained in %s says so in its checkpoints, and is the same in pieces',
    async (precision) => {
      const options = { spec: { precision }, ports: native() }
      const whole = await sessions.train(options)
      expect(new Set(environments(whole))).toEqual(new Set([precision]))
      const pieces = await sessions.trainInPieces([20, 30, 40].map(handOverAtLook), options)
      expect(pieces.length).toBeGreaterThan(2)
      expect(leftBy(pieces)).toEqual(leftBy([whole]))
      const file = await readFile(whole.checkpoints.at(-1)!.files.optimizer!)
      const names = [...decode(file).tensors.keys()].filter((name) => name.startsWith('loss-scale/'))
      expect(names.sort()).toEqual(precision === 'fp16' ? ['loss-scale/good-steps', 'loss-scale/scale'] : [])
    },
  )

  test('says which steps it skips, and shows the scale as a curve', async () => {
    const options = { spec: { precision: 'fp16' as const }, ports: native() }
    const first = await sessions.train({ ...options, signal: handOverAtLook(40) })
    const saved = first.checkpoints.at(-1)!
    const { tensors } = decode(await readFile(saved.files.optimizer!))
    const optimizer = encode(new Map([...tensors, ['loss-scale/scale', { shape: [], data: Float32Array.of(2 ** 24) }]]))
    const file = path.join(dir, 'optimizer-at-most.safetensors')
    await writeFile(file, optimizer)
    const digest = createHash('sha256').update(optimizer).digest('hex')
    const files = saved.manifest.files.map((own) => (own.name === 'optimizer' ? { ...own, digest } : own))
    const resume = { ...saved, manifest: { ...saved.manifest, files }, files: { ...saved.files, optimizer: file } }
    const { outcome, logs, metrics } = await sessions.train({ ...options, resume })
    expect(outcome.kind).toBe('completed')
    expect(logs).toContainEqual(
      expect.stringMatching(/^info: step \d+ is skipped: gradients overflowed fp16 at a loss scale of 16777216$/),
    )
    const curve = (name: string) => metrics.filter((point) => point.name === name).map(({ value }) => value)
    expect(curve('train/loss-scale').slice(0, 2)).toEqual([2 ** 24, 2 ** 23])
    expect(curve('train/grad-norm').every(Number.isFinite)).toBe(true)
  })

  test('that goes on where there are no graphs warns, trains in fp32 and says so, and brings the scale back', async () => {
    const spec = { precision: 'fp16' as const }
    const first = await sessions.train({ spec, ports: native(), signal: handOverAtLook(40) })
    const eager = { tensorflow: { tf, environment: { ...environment, device: 'CPU' } } }
    const resume = first.checkpoints.at(-1)
    const second = await sessions.train({ spec, ports: eager, resume, signal: handOverAtLook(30) })
    expect(second.logs).toContainEqual('warn: trains in fp32, not fp16: steps that run eagerly have no other precision')
    expect(second.logs.filter((line) => line.includes('precision fp16 → fp32'))).toHaveLength(1)
    expect(environments(second)).toEqual(['fp32'])
    const third = await sessions.train({ spec, ports: native(), resume: second.checkpoints.at(-1) })
    expect(third.logs.filter((line) => line.includes('precision fp32 → fp16'))).toHaveLength(1)
    const file = await readFile(third.checkpoints.at(-1)!.files.optimizer!)
    expect(decode(file).tensors.get('loss-scale/scale')!.data[0]).toBe(2 ** 15)
  })

  test('whose code bundle cannot become a graph says in each stage how its steps really run', async () => {
    const bundleDir = path.join(dir, 'bundle')
    await mkdir(bundleDir)
    const source = `export const loss = ({ tf }) => (logits, labels) =>
      tf.mul(tf.mean(tf.squaredDifference(logits, labels), 1), logits.dataSync().length / logits.size)`
    await writeFile(path.join(bundleDir, 'index.js'), source)
    const stage = { steps: 3, batch: 4, schedule: { name: 'constant', lr: 0.02 } }
    const stages = [
      { ...stage, name: 'own', loss: { name: 'bundle' } },
      { ...stage, name: 'plain' },
    ] as never
    const spec = { precision: 'bf16' as const, code: 'c'.repeat(64), stages }
    const options = { spec, run: { bundleDir }, ports: native() }
    const inStage = (stage: number) => (_: number, { progress }: Pick<Session, 'progress'>) =>
      progress.at(-1)?.position.stage === stage && progress.at(-1)!.position.stageStep > 0 ? 'hand-over' as const : null // prettier-ignore
    const said = ({ checkpoints }: Session) =>
      checkpoints.map(({ manifest: { position, environment: now } }) => [position.stage, now.execution, now.precision])
    const pieces = await sessions.trainInPieces([inStage(0), inStage(1)], options)
    expect(new Set(pieces.flatMap(said).map((entry) => entry.join()))).toEqual(
      new Set(['0,eager,fp32', '1,compiled,bf16']),
    )
    const logs = pieces.map((piece) => piece.logs.join('\n'))
    expect(logs[0]).toContain('info: steps run eagerly: the code bundle computes what cannot become a graph')
    expect(logs[0]).toContain('warn: trains in fp32, not bf16')
    expect(logs[1]).toContain('info: steps run compiled, in bf16')
    // Who resumes it meets the same again, and is warned of no difference.
    expect(pieces).toHaveLength(3)
    expect(logs.join('\n')).not.toContain('another environment')
  })
})
