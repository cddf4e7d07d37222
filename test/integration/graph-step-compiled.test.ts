import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { Feeds, Outputs, Program, ProgramSpec } from '@baton/graph-step'
import {
  byteTensor,
  compiledProgram,
  descent,
  eagerProgram,
  isRecorded,
  readTensor,
  updateInPlace,
} from '@baton/graph-step'
import type { Tf } from '@baton/tensorflow'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

type Tensor = ReturnType<Tf['tensor']>
type Variable = ReturnType<Tf['variable']>
type Values = Record<string, Float32Array>

let tf: Tf

beforeAll(async () => {
  tf = await loadNativeTensorflow()
})

/** Reads and disposes. */
function read(tensors: Map<string, Tensor> | Outputs): Values {
  const entries: [string, Tensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors)
  const values = entries.map(([name, tensor]) => [name, readTensor(tf, tensor)] as const)
  tf.dispose(entries.map(([, tensor]) => tensor))
  return Object.fromEntries(values) as Values
}

const failOnLog = (line: string) => expect.unreachable(line)

/** Adds what it is fed to `total`, by a step of the test's own. */
function aStep(step: (x: Tensor, total: Variable) => Tensor): { program: Program; variable: Variable; logs: string[] } {
  const variable = tf.variable(tf.zeros([2]), false)
  onTestFinished(() => variable.dispose())
  const logs: string[] = []
  const spec: ProgramSpec = {
    state: [{ name: 'total', variable }],
    signatures: {
      add: {
        inputs: { x: { shape: [null, 2], dtype: 'float32' } },
        run: ({ x }) => ({ y: step(x!, variable) }),
      },
    },
  }
  return { program: compiledProgram(tf, spec, (line) => logs.push(line)), variable, logs }
}

function run(program: Program, x: number[][]): number[] {
  const fed = tf.tensor2d(x)
  const { y } = read(program.run('add', { x: fed }))
  fed.dispose()
  return [...y!]
}

const accumulate = (x: Tensor, total: Variable) => {
  total.assign(tf.add(total, tf.sum(x, 0)))
  return tf.mul(total, 1)
}

test('a graph serves other values than those it was traced with, each number of rows has its own, one state is theirs', () => {
  const { program, logs } = aStep(accumulate)
  expect(run(program, [[1, 2]])).toEqual([1, 2])
  expect(run(program, [[10, 20]])).toEqual([11, 22])
  const dump = program.dump()
  expect(run(program, [[1, 1], [1, 1]])).toEqual([13, 24]) // prettier-ignore
  expect(run(program, [[1, 0]])).toEqual([14, 24])
  expect(read(dump)).toEqual({ total: Float32Array.of(11, 22) })
  expect(read(program.dump())).toEqual({ total: Float32Array.of(14, 24) })
  expect(logs).toEqual([])
  program.dispose()
})

let calls = 0
const large = Array.from({ length: 2000 }, (_, i) => i)
test.each<[what: string, step: (x: Tensor, total: Variable) => Tensor, reason: RegExp]>([
  ['reads a tensor', (x) => tf.mul(x, x.dataSync().length), /reads the values of a tensor/],
  ['reads its state', (x, total) => tf.mul(x, total.dataSync().length), /reads the values of a tensor/],
  ['draws random numbers', (x) => tf.add(x, tf.randomUniform([1])), /draws random numbers in JavaScript/],
  ['counts its calls', (x) => tf.add(x, calls++), /computes something else each time/],
  ['makes a large constant', (x) => tf.add(x, tf.sum(tf.tensor1d(large))), /makes a constant of shape \[2000\]/],
  ['gives a constant', () => tf.scalar(1), /its output y is not computed from feeds and state/],
  ['assigns a constant', (x, total) => (total.assign(tf.ones([2])), tf.neg(x)), /new value of total is not computed/],
])('a step that %s runs eagerly, which is logged once', (_what, step, reason) => {
  const { program, variable, logs } = aStep(step)
  const mathRandom = Math.random
  run(program, [[1, 2]])
  run(program, [[1, 2], [3, 4]]) // prettier-ignore
  expect(logs).toEqual([expect.stringMatching(reason)])
  expect(Math.random).toBe(mathRandom)
  expect(Object.keys(tf.backend())).not.toContain('executeSingleOutput')
  expect(variable.isDisposed).toBe(false)
  program.dispose()
})

test('what a step throws while it is traced comes through, and leaves state and backend as they were', () => {
  const { program, variable } = aStep((x, total) => {
    accumulate(x, total)
    throw new Error('broken')
  })
  expect(() => run(program, [[1, 2]])).toThrow('broken')
  expect([...variable.dataSync()]).toEqual([0, 0])
  expect(Object.keys(tf.backend())).not.toContain('executeSingleOutput')
})

test('variables that stand on one tensor are told apart', () => {
  const weight = tf.variable(tf.tensor1d([1, 2]), false)
  const average = tf.variable(weight.clone(), false)
  const inputs = { x: { shape: [2], dtype: 'float32' as const } }
  const signature = {
    inputs,
    run: ({ x }: Feeds) => {
      weight.assign(tf.add(weight, x!))
      average.assign(tf.add(tf.mul(average, 0.5), tf.mul(weight, 0.5)))
      return { y: tf.mul(average, 1) }
    },
  }
  const state = [
    { name: 'weight', variable: weight },
    { name: 'average', variable: average },
  ]
  const program = compiledProgram(tf, { state, signatures: { add: signature } }, failOnLog)
  const x = tf.tensor1d([2, 2])
  for (const expected of [
    [2, 3],
    [3.5, 4.5],
  ])
    // prettier-ignore
    expect([...read(program.run('add', { x })).y!]).toEqual(expected)
  program.dispose()
  tf.dispose([weight, average, x])
})

/** w ← w − x, in place where it is a graph. */
function lower(weight: Variable, x: Tensor): void {
  if (isRecorded(tf)) updateInPlace(tf, [weight], descent(tf.scalar(1), x))
  else weight.assign(tf.sub(weight, x))
}

test.each([true, false])(
  'around updates in place every read gives what a variable held there, whatever comes first; only shapes followed: %s',
  (trusted) => {
    const weight = tf.variable(tf.tensor1d([10, 20]), false)
    const copy = tf.variable(tf.tensor1d([0, 0]), false)
    const run = ({ x }: Feeds): Outputs => {
      const [first, twice] = [weight.clone(), tf.mul(weight, 2)]
      lower(weight, x!)
      const second = weight.clone()
      weight.assign(tf.mul(weight, 10))
      lower(weight, tf.add(x!, weight))
      lower(weight, x!)
      const third = tf.mul(weight, 1)
      copy.assign(weight)
      // Held by nobody but a variable that was written over since; and back to what it was.
      weight.assign(tf.where(tf.less(x!, 2), weight, first))
      return { first: tf.mul(first, 1), twice, second: tf.mul(second, 1), third, weight: tf.mul(weight, 1) }
    }
    const state = [
      { name: 'weight', variable: weight },
      { name: 'copy', variable: copy },
    ]
    const spec: ProgramSpec = { trusted, state, signatures: { run: { inputs: { x: { shape: [2], dtype: 'float32' } }, run } } } // prettier-ignore
    const follow = (program: Program) =>
      [1, 2, 3].flatMap((by) => {
        const before = program.dump()
        const x = tf.tensor1d([by, by - 1])
        const said = read(program.run('run', { x }))
        x.dispose()
        return [said, read(before), read(program.dump())]
      })
    const compiled = compiledProgram(tf, spec, failOnLog)
    const got = follow(compiled)
    compiled.dispose()
    tf.tidy(() => {
      weight.assign(tf.tensor1d([10, 20]))
      copy.assign(tf.tensor1d([0, 0]))
    })
    expect(got).toEqual(follow(eagerProgram(tf, spec)))
    tf.dispose([weight, copy])
  },
)

test('outside of a graph nothing is updated in place', () => {
  const weight = tf.variable(tf.tensor1d([1]), false)
  expect(isRecorded(tf)).toBe(false)
  expect(() => updateInPlace(tf, [weight], descent(tf.scalar(1), weight))).toThrow('only where a graph is recorded')
  weight.dispose()
})

test('bytes are fed as they are and computed with as int32, eagerly too; a tensor of int32 is refused', () => {
  const inputs = { x: { shape: [3], dtype: 'uint8' as const } }
  const run = ({ x }: Feeds) => ({ twice: tf.mul(x!, tf.scalar(2, 'int32')), float: tf.cast(x!, 'float32') })
  const spec: ProgramSpec = { state: [], signatures: { run: { inputs, run } } }
  const programs = [compiledProgram(tf, spec, failOnLog), eagerProgram(tf, spec)]
  for (const program of programs) {
    for (const values of [
      [0, 1, 2],
      [128, 254, 255],
    ]) {
      const x = byteTensor(tf, Uint8Array.from(values), [3])
      const { twice, float } = read(program.run('run', { x }))
      expect([...twice!]).toEqual(values.map((value) => value * 2))
      expect([...float!]).toEqual(values)
      x.dispose()
    }
    expect(() => program.run('run', { x: tf.tensor1d([1, 2, 3], 'int32') })).toThrow('takes x as uint8 [3]')
    program.dispose()
  }
})

test('feeds are checked, compiled or not', () => {
  const { program } = aStep(accumulate)
  run(program, [[1, 2]])
  expect(() => program.run('add', { x: tf.zeros([1, 3]) })).toThrow('not float32 [1, 3]')
  expect(() => program.run('add', { x: tf.zeros([1, 2], 'int32') })).toThrow('not int32 [1, 2]')
  expect(read(program.dump())).toEqual({ total: Float32Array.of(1, 2) })
  program.dispose()
})

test('thousands of compiled steps keep memory flat, and no folder stays behind', () => {
  const { program } = aStep(accumulate)
  // Of this test's own: other processes load graphs too.
  const folder = mkdtempSync(path.join(tmpdir(), 'baton-compiled-'))
  vi.stubEnv('TMPDIR', folder)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })
  run(program, [[0, 0]])
  const after = (steps: number) => {
    for (let i = 0; i < steps; i++) run(program, [[1, 1]])
    return { tensors: tf.memory().numTensors, megabytes: process.memoryUsage().rss / 2 ** 20 }
  }
  const warm = after(2000)
  const end = after(4000)
  expect(end.tensors).toBe(warm.tensors)
  expect(end.megabytes - warm.megabytes).toBeLessThan(50)
  expect(readdirSync(folder)).toEqual([])
  program.dispose()
})
