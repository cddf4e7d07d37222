import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { eagerProgram } from './eager.ts'
import type { Program } from './program.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

/** Sums what it is fed: `total ← total + sum(x)`, and says how many rows it got. */
function anAccumulator(): { program: Program; dispose: () => void } {
  const total = tf.variable(tf.scalar(0), false)
  const last = tf.variable(tf.zeros([2]), false)
  const program = eagerProgram(tf, {
    state: [
      { name: 'total', variable: total },
      { name: 'last', variable: last },
    ],
    signatures: {
      add: {
        inputs: { x: { shape: [null, 2], dtype: 'float32' } },
        run: ({ x }) => {
          total.assign(tf.add(total, tf.sum(x!)))
          last.assign(tf.gather(x!, [0]).reshape([2]))
          return { rows: tf.scalar(x!.shape[0]), total: tf.mul(total, 1) }
        },
      },
    },
  })
  return { program, dispose: () => tf.dispose([total, last]) }
}

function run(program: Program, rows: number[][]): number[] {
  const x = tf.tensor2d(rows)
  const outputs = program.run('add', { x })
  const values = [outputs.rows!.dataSync()[0]!, outputs.total!.dataSync()[0]!]
  tf.dispose([x, ...Object.values(outputs)])
  return values
}

function read(state: Map<string, tf.Tensor>): Record<string, number[]> {
  const values = Object.fromEntries([...state].map(([name, value]) => [name, [...value.dataSync()]]))
  tf.dispose([...state.values()])
  return values
}

test('state lives from run to run, and a dump does not change when the program goes on', () => {
  const { program } = anAccumulator()
  expect(run(program, [[1, 2]])).toEqual([1, 3])
  const dump = program.dump()
  expect(
    run(program, [
      [1, 1],
      [1, 1],
    ]),
  ).toEqual([2, 7])
  expect(read(dump)).toEqual({ total: [3], last: [1, 2] })
})

test('a restored program goes on as the one it was dumped from, and does not follow the array it was given', () => {
  const first = anAccumulator().program
  run(first, [[1, 2]])
  const second = anAccumulator().program
  const array = Float32Array.of(3)
  const total = tf.tensor(array, [])
  second.restore(new Map([['total', total]]))
  array[0] = 99
  expect(run(second, [[4, 5]])).toEqual(run(first, [[4, 5]]))
  expect(read(second.dump())).toEqual(read(first.dump()))
})

test.each<[what: string, name: string, value: () => tf.Tensor, message: string]>([
  ['an unknown name', 'sum', () => tf.scalar(1), 'the program has no state named sum'],
  ['another shape', 'last', () => tf.zeros([3]), 'state last is float32 [2], not float32 [3]'],
  ['another dtype', 'last', () => tf.zeros([2], 'int32'), 'state last is float32 [2], not int32 [2]'],
])('restoring %s is refused and changes nothing', (_what, name, value, message) => {
  const { program } = anAccumulator()
  run(program, [[1, 2]])
  const values = new Map([
    ['total', tf.scalar(50)],
    [name, value()],
  ])
  expect(() => program.restore(values)).toThrow(message)
  expect(read(program.dump())).toEqual({ total: [3], last: [1, 2] })
})

test.each<[what: string, signature: string, feeds: () => tf.NamedTensorMap, message: string]>([
  ['an unknown signature', 'subtract', () => ({}), 'the program has no signature subtract, only add'],
  ['a missing feed', 'add', () => ({}), 'add takes x as float32 [any, 2], not nothing'],
  ['another width', 'add', () => ({ x: tf.zeros([1, 3]) }), 'not float32 [1, 3]'],
  ['another dtype', 'add', () => ({ x: tf.zeros([1, 2], 'int32') }), 'not int32 [1, 2]'],
  ['a feed too many', 'add', () => ({ x: tf.zeros([1, 2]), y: tf.scalar(1) }), 'add takes no feed named y'],
])('a run with %s is refused and changes nothing', (_what, signature, feeds, message) => {
  const { program } = anAccumulator()
  expect(() => program.run(signature, feeds())).toThrow(message)
  expect(read(program.dump())).toEqual({ total: [0], last: [0, 0] })
})

test('state whose names are not unique is refused', () => {
  const entry = () => ({ name: 'w', variable: tf.variable(tf.scalar(0), false) })
  expect(() => eagerProgram(tf, { state: [entry(), entry()], signatures: {} })).toThrow('named w')
})

test('runs, dumps and restores leave no tensor behind', () => {
  const { program, dispose } = anAccumulator()
  const before = tf.memory().numTensors
  for (let i = 0; i < 3; i++) {
    run(program, [[i, i]])
    const dump = program.dump()
    program.restore(dump)
    tf.dispose([...dump.values()])
  }
  expect(tf.memory().numTensors).toBe(before)
  program.dispose()
  dispose()
  expect(tf.memory().numTensors).toBe(before - 2)
})
