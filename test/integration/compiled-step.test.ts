import { readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import type {
  ExperimentSpec,
  ExperimentSpecInput,
  LossSpec,
  ModelSpec,
  OptimizerSpec,
  TrainingEnvironment,
} from '@baton/contracts'
import { streamKey, uniform } from '@baton/random'
import type { Tf } from '@baton/tensorflow'
import { nodeBackend } from '../../packages/graph-step/src/native.ts'
import type { NodeBackend } from '../../packages/graph-step/src/native.ts'
import { outlinesOf } from '../../packages/graph-step/src/outline.ts'
import type { Operation } from '../../packages/graph-step/src/outline.ts'
import { onlyStage } from '../../packages/trainer/src/fixtures/only-stage.ts'
import type { BundleModule } from '../../packages/trainer/src/models/bundle.ts'
import { isWeight } from '../../packages/trainer/src/step/state-names.ts'
import type { StageProgram } from '../../packages/trainer/src/step/stage-program.ts'
import type { TrainBatch } from '../../packages/trainer/src/step/train-batch.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

const CLASSES = 3
const BATCH = 4
const STEPS = 2
const LR = 1e-3
/** Most that a weight, slot, loss or prediction may differ by after one step, beside the greatest of its tensor and 1. */
const TOLERANCE = 1e-4

type Tensor = ReturnType<Tf['tensor']>

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
  watchOperations()
})

/** Operations that have run since the test began: those that gave another shape than is said of them, and those that nothing is said of. */
const run = { otherwise: new Set<string>(), unforeseen: new Set<string>() }

/** Compares what TensorFlow gives with what a step is traced by. */
function watchOperations(): void {
  const backend = Object.getPrototypeOf(nodeBackend(tf)) as NodeBackend
  // eslint-disable-next-line @typescript-eslint/unbound-method -- both are called with it below
  const { executeSingleOutput, executeMultipleOutputs } = backend
  const look = (operation: Omit<Operation, 'integersOf'>, outputs: Tensor[]) => {
    const { op } = operation
    const outlines = outlinesOf(tf, { ...operation, integersOf: (input) => [...input.dataSync()] })
    if (!outlines) return run.unforeseen.add(op)
    const shapes = (given: readonly { shape: readonly number[]; dtype: string }[]) =>
      given.map(({ shape, dtype }) => `${dtype} [${shape.join()}]`).join(' ')
    return shapes(outlines) === shapes(outputs) || run.otherwise.add(`${op}: ${shapes(outlines)} is ${shapes(outputs)}`)
  }
  Object.assign(backend, {
    executeSingleOutput(this: NodeBackend, op, attributes, inputs) {
      const output = executeSingleOutput.call(this, op, attributes, inputs)
      look({ op, attributes, inputs }, [output])
      return output
    },
    executeMultipleOutputs(this: NodeBackend, op, attributes, inputs, count) {
      const outputs = executeMultipleOutputs.call(this, op, attributes, inputs, count)
      look({ op, attributes, inputs }, outputs)
      return outputs
    },
  } satisfies Partial<NodeBackend>)
}

type Experiment = Partial<ExperimentSpecInput>
type Stage = Partial<ExperimentSpecInput['stages'][number]>

interface Case {
  readonly stage?: Stage
  readonly experiment?: Experiment
  readonly bundle?: BundleModule
  readonly tolerance?: number
}

const convnet: Experiment = { model: { name: 'convnet', width: 4, blocks: 2, dropout: 0.3 }, image: { size: 8 } }

function aProgram({ stage, experiment, bundle }: Case, execution: TrainingEnvironment['execution']) {
  const given = { evaluate: { batch: 4 }, ema: { decay: 0.9 }, ...convnet, ...experiment }
  const logs: string[] = []
  const log = (line: string) => logs.push(line)
  const shared = { tf, bundle, classes: CLASSES, execution, log }
  const { program, spec } = onlyStage({ ...shared, spec: given, stage: { batch: BATCH, ...stage } })
  return { program, spec, logs }
}

/** Noise; of its labels each sample has one. */
function aBatch(step: number, { image: { size }, stages, targets }: ExperimentSpec, n = BATCH): TrainBatch {
  const draw = streamKey('batch', step)
  const numbers = (length: number, from: number) => Float32Array.from({ length }, (_, i) => uniform(draw, from + i))
  const images = (from: number) => Uint8Array.from(numbers(n * size * size * 3, from), (value) => value * 256)
  return {
    images: images(0),
    labels: Float32Array.from({ length: n * CLASSES }, (_, i) => ((i / CLASSES + step + i) % CLASSES | 0) === 0 ? 1 : 0), // prettier-ignore
    teacher: targets.distill ? numbers(n * CLASSES, 7000) : null,
    blend: stages[0]!.mix?.name === 'mixup' ? { partners: images(9000), lambda: numbers(n, 8000) } : null,
    n,
  }
}

type Values = ReadonlyMap<string, Float32Array>

/** What steps and predictions say and leave, by name. The second program starts each from the state of the first: rounding does not add up. */
function bothTrained(programs: readonly [StageProgram, StageProgram], spec: ExperimentSpec): [Values, Values] {
  const values = programs.map(() => new Map<string, Float32Array>()) as [Map<string, Float32Array>, Map<string, Float32Array>] // prettier-ignore
  for (let step = 0; step < STEPS; step++) {
    if (step > 0) programs[1].restore(programs[0].state())
    programs.forEach((program, i) => {
      const { loss, losses, gradNorm } = program.train(aBatch(step, spec), { lr: LR }, step)
      values[i]!.set(`losses of step ${step}`, Float32Array.of(loss, ...(losses ?? [])))
      values[i]!.set(`gradient of step ${step}`, Float32Array.of(gradNorm))
      for (const [name, { data }] of program.state()) values[i]!.set(`${name} after step ${step}`, data)
    })
  }
  // A prediction takes a graph of its own, which takes long in a network of hundreds of layers.
  if (!spec.ema) return values
  programs[1].restore(programs[0].state())
  programs.forEach((program, i) => {
    for (const by of ['weights', 'average'] as const)
      values[i]!.set(`prediction by ${by}`, program.predict(aBatch(99, spec).images, BATCH, by))
  })
  return values
}

function expectClose(actual: Values, expected: Values, tolerance = TOLERANCE): void {
  expect([...actual.keys()]).toEqual([...expected.keys()])
  for (const [name, values] of expected) {
    const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - actual.get(name)![i]!)), 0)
    expect(worst / greatest, name).toBeLessThan(tolerance)
  }
}

const optimizers: Readonly<Record<OptimizerSpec['name'], readonly object[]>> = {
  sgd: [{}, { weightDecay: 0.1 }],
  sgdm: [{ weightDecay: 0.01 }, { nesterov: true }],
  adam: [{}, { weightDecay: 0.1, beta1: 0.5, beta2: 0.9 }],
  adamw: [{ weightDecay: 0.1 }, { weightDecay: 0.1, decayBiasAndNorm: true, epsilon: 0.01 }],
  rmsprop: [{ momentum: 0.9 }, {}],
  lamb: [{}],
}
const losses: Readonly<Record<Exclude<LossSpec['name'], 'bundle'>, readonly object[]>> = {
  bce: [{ labelSmoothing: 0.1, positiveWeight: [1, 2, 3] }],
  focal: [{}, { detach: true }],
  'soft-fbeta': [{}],
  'bce+fbeta': [{}],
  asymmetric: [{}, { detach: true }],
  forgiving: [{}],
  softmax: [{ labelSmoothing: 0.1 }],
}
const small = { width: 0.125, dropout: 0.2 }
const models: Readonly<Record<Exclude<ModelSpec['name'], 'bundle'>, readonly object[]>> = {
  convnet: [],
  resnet: [{ width: 4, layers: [1, 1], dropout: 0.2 }],
  resnet18: [small],
  // Of the same blocks as resnet18 and seresnext50_32x4d.
  resnet34: [],
  resnet50: [small],
  seresnext50_32x4d: [{ ...small, width: 0.25, stem: 'cifar' }],
  seresnext101_32x4d: [],
  densenet161: [small],
  mobilenetv2: [small],
}
const named = (table: Readonly<Record<string, readonly object[]>>) =>
  Object.entries(table).flatMap(([name, options]) => options.map((given) => ({ ...given, name })))

const cases: [what: string, given: Case][] = [
  ...named(optimizers).map((optimizer): [string, Case] => [
    JSON.stringify(optimizer),
    { stage: { optimizer } as Stage },
  ]),
  ...named(losses).map((loss): [string, Case] => [JSON.stringify(loss), { stage: { loss } as Stage }]),
  ...named(models).map((model): [string, Case] => [
    JSON.stringify(model),
    // Slots of momentum are gradients. Maps of one pixel, of four samples, make the most of what is rounded.
    {
      stage: { optimizer: { name: 'sgdm' } },
      experiment: { model, image: { size: 32 }, ema: null } as Experiment,
      tolerance: 1e-3,
    },
  ]),
  ['clipping', { stage: { clipNorm: 0.05 } }],
  ['accumulation', { stage: { accumulate: 2, clipNorm: 0.5 } }],
  ['mixup', { stage: { mix: { name: 'mixup' } } }],
  ['layer decay', { stage: { lrScale: { decay: 0.5 } } }],
  ['frozen layers', { stage: { train: ['block1'] } }],
  ['the head alone', { stage: { train: 'head' } }],
  ['distillation', { experiment: { targets: { distill: { form: 'mix', teacher: 'teacher#1', temperature: 2 } } } }],
  ['maps of odd size', { experiment: { image: { size: 11 } } }],
]

test.each(cases)('a compiled step does what an eager one does, up to rounding: %s', (_what, given) => {
  const [compiled, eager] = [aProgram(given, 'compiled'), aProgram(given, 'eager')]
  run.otherwise.clear()
  run.unforeseen.clear()
  expectClose(...bothTrained([compiled.program, eager.program], compiled.spec), given.tolerance)
  expect(compiled.logs).toEqual([])
  expect([...run.otherwise, ...run.unforeseen]).toEqual([])
})

test.each([
  ['sgd', 'GradientDescent'],
  ['sgdm', 'Momentum'],
  ['adam', 'Adam'],
  ['adamw', 'Adam'],
])(
  'a compiled step of %s changes each weight with its slots by one operation, as statistics and averages',
  (name, op) => {
    const { program, spec } = aProgram({ stage: { optimizer: { name } } as Stage }, 'compiled')
    const backend = nodeBackend(tf)!
    let graph = ''
    const load = vi.spyOn(backend, 'loadSavedModelMetaGraph').mockImplementationOnce((folder, tag) => {
      graph = readFileSync(path.join(folder, 'saved_model.pb'), 'latin1')
      load.mockRestore()
      return backend.loadSavedModelMetaGraph(folder, tag)
    })
    program.prepare(BATCH)
    // A node's name is followed by the number of the next field.
    const count = (node: string) => graph.match(new RegExp(`/${node}_\\d+\\x12`, 'g'))?.length ?? 0
    const roles = [...program.state().keys()].filter(isWeight).map((weight) => /mean|variance/.test(weight))
    const statistics = roles.filter(Boolean).length
    const weights = roles.length - statistics
    const [updates, moves] = [count(`ResourceApply${op}`), count('ResourceApplyGradientDescent')]
    const averages = roles.length
    expect([updates, moves]).toEqual(
      name === 'sgd' ? Array(2).fill(weights + statistics + averages) : [weights, statistics + averages],
    )
    expect(program.train(aBatch(0, spec), { lr: LR }, 0).loss).toBeGreaterThan(0)
  },
)

test('a batch of another size, and the last few pictures of a prediction, do as well', () => {
  const run = (execution: TrainingEnvironment['execution']): Values => {
    const { program, spec, logs } = aProgram({ stage: { batch: 8, accumulate: 2 } }, execution)
    const steps = [7, 8, 5].map((n, step) => program.train(aBatch(step, spec, n), { lr: LR }, step))
    const predicted = program.predict(aBatch(9, spec, 7).images, 7)
    expect(predicted).toHaveLength(7 * CLASSES)
    expect(logs).toEqual([])
    const values = new Map(Array.from(program.state(), ([name, { data }]) => [name, data]))
    return values
      .set('predicted', predicted)
      .set('losses', Float32Array.from(steps.flatMap(({ losses }) => [...losses!])))
  }
  expectClose(run('compiled'), run('eager'))
})

test('embeddings are those of an eager pass, beside the same prediction as without them', () => {
  const run = (execution: TrainingEnvironment['execution']): Values => {
    const { program, spec, logs } = aProgram({ experiment: { knn: {} } }, execution)
    program.train(aBatch(0, spec), { lr: LR }, 0)
    const { images } = aBatch(9, spec, 7)
    const { probabilities, embeddings } = program.embed(images, 7)
    expect(embeddings).toHaveLength(7 * 8)
    expect(probabilities).toEqual(program.predict(images, 7))
    expect(logs).toEqual([])
    return new Map([
      ['probabilities', probabilities],
      ['embeddings', embeddings],
    ])
  }
  expectClose(run('compiled'), run('eager'))
})

test('the bytes of a prediction do not depend on how many pictures are predicted, nor on what ran before', () => {
  const { program, spec } = aProgram({}, 'compiled')
  const { images } = aBatch(0, spec, 9)
  const each = images.length / 9
  const before = program.state()
  const expected = program.predict(images, 9)
  const parts = [4, 1, 3].map((n) => program.predict(images.slice(0, n * each), n))
  parts.forEach((part) => expect(part).toEqual(expected.slice(0, part.length)))
  program.train(aBatch(0, spec), { lr: LR }, 0)
  program.restore(before)
  expect(program.predict(images, 9)).toEqual(expected)
})

test('steps after a snapshot was taken, and what grows the graph, do not change it', () => {
  const { program, spec } = aProgram({}, 'compiled')
  const step = (i: number, n = BATCH) => program.train(aBatch(i, spec, n), { lr: LR }, i)
  step(0)
  const expected = program.state()
  const [first, second] = [program.snapshot(), program.snapshot()]
  const read = new Map([first.next().value!])
  step(1)
  program.predict(aBatch(0, spec).images, BATCH)
  step(2, 3)
  for (const part of first) if (part) read.set(...part)
  expect(read).toEqual(expected)
  expect(new Map([...second].filter((part) => part !== null))).toEqual(expected)
  expect(program.state()).not.toEqual(expected)
})

test('a compiled training that is saved at any step and resumed equals one never stopped, to the byte', () => {
  const given: Case = { stage: { accumulate: 2, clipNorm: 1, optimizer: { name: 'adamw' } } }
  const go = (from: number, to: number, saved: ReturnType<StageProgram['state']> | null) => {
    const { program, spec } = aProgram(given, 'compiled')
    if (saved) program.restore(saved)
    const states = []
    for (let step = from; step < to; step++) {
      program.train(aBatch(step, spec), { lr: LR }, step)
      // In some sessions predictions come early, in others late, in some never.
      if (step === 1) program.predict(aBatch(0, spec).images, BATCH, 'average')
      states.push(program.state())
    }
    return states
  }
  const straight = go(0, 4, null)
  for (const cut of [1, 2, 3]) expect(go(cut, 4, straight[cut - 1]!).at(-1)).toEqual(straight.at(-1))
})

test('steps, predictions, snapshots and restores leave no tensor behind', () => {
  const { program, spec } = aProgram({ stage: { accumulate: 2, clipNorm: 1 } }, 'compiled')
  const turn = (step: number) => {
    program.train(aBatch(step, spec), { lr: LR }, step)
    program.predict(aBatch(step, spec).images, BATCH)
    program.restore(program.state())
  }
  turn(0)
  const { numTensors, numBytes } = tf.memory()
  for (let step = 1; step < 20; step++) turn(step)
  expect(tf.memory()).toMatchObject({ numTensors, numBytes })
})

const aLoss = (odd: (x: ReturnType<Tf['tensor']>) => number): Case => ({
  stage: { loss: { name: 'bundle' } },
  bundle: { loss: ({ tf: t }) => (logits, labels) => t.mul(t.losses.sigmoidCrossEntropy(labels, logits), odd(logits)) }, // prettier-ignore
})
let calls = 0

test.each<[what: string, given: Case, reason: RegExp]>([
  ['that reads tensors', aLoss((x) => x.dataSync().length / BATCH / CLASSES), /reads the values of a tensor/],
  ['with a counter', aLoss(() => 1 + 1e-6 * calls++), /computes something else each time/],
])('a bundle’s loss %s trains eagerly, and the log says why, once', (_what, given, reason) => {
  const { program, spec, logs } = aProgram(given, 'compiled')
  for (const step of [0, 1]) expect(program.train(aBatch(step, spec), { lr: LR }, step).loss).toBeGreaterThan(0)
  expect(program.predict(aBatch(0, spec).images, BATCH)).toHaveLength(BATCH * CLASSES)
  expect(program.train(aBatch(2, spec), { lr: LR }, 2).loss).toBeGreaterThan(0)
  expect(logs).toEqual([expect.stringMatching(reason)])
  expect(logs[0]).toMatch(/^train runs eagerly/)
})

test('what a bundle’s model of its own operations computes is compiled too', () => {
  const bundle: BundleModule = {
    model: ({ tf: t, body, head }) => {
      const conv = body.conv2d('conv', { inputs: 3, filters: 4, size: 3 })
      const dense = head.dense('dense', { inputs: 4, units: CLASSES })
      return {
        body: (images, pass) => t.mean(t.softplus(conv(images, pass)), [1, 2]),
        head: (x, pass) => dense(x as never, pass),
      }
    },
  }
  const given: Case = { bundle, experiment: { model: { name: 'bundle' } } }
  const [compiled, eager] = [aProgram(given, 'compiled'), aProgram(given, 'eager')]
  expectClose(...bothTrained([compiled.program, eager.program], compiled.spec))
  expect(compiled.logs).toEqual([])
})
