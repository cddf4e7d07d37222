import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { assignIfFinite, createLossScale, FIRST_SCALE, GROWTH_STEPS, LEAST_SCALE } from './loss-scale.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

/** A loss scale at a state of `[scale, good steps]`, and the state after steps that were finite or not. */
function after(steps: readonly boolean[], state: readonly [number, number] = [FIRST_SCALE, 0]): number[] {
  const lossScale = createLossScale(tf)
  onTestFinished(() => lossScale.dispose())
  const variables = lossScale.state.map(({ variable }) => variable)
  return tf.tidy(() => {
    variables.forEach((variable, i) => variable.assign(tf.scalar(state[i]!)))
    for (const isFinite of steps) lossScale.adapt(tf.scalar(isFinite, 'bool'))
    return variables.map((variable) => variable.dataSync()[0]!)
  })
}

test('a training begins with the first scale, and a state that lacks one begins with the same', () => {
  const lossScale = createLossScale(tf)
  onTestFinished(() => lossScale.dispose())
  const values = lossScale.state.map(({ name, variable }) => [name, variable.dataSync()[0]])
  expect(values).toEqual([
    ['loss-scale/scale', 32768],
    ['loss-scale/good-steps', 0],
  ])
  expect([...lossScale.first].map(([name, { data }]) => [name, data[0]])).toEqual(values)
})

test.each<[what: string, steps: boolean[], from: [number, number], to: [number, number]]>([
  ['finite steps are counted', [true, true, true], [FIRST_SCALE, 0], [FIRST_SCALE, 3]],
  ['an overflow halves the scale and counts anew', [false], [FIRST_SCALE, 1500], [FIRST_SCALE / 2, 0]],
  ['the scale doubles at the 2,000th finite step in a row', [true], [1024, GROWTH_STEPS - 1], [2048, 0]],
  ['and not at the one before', [true], [1024, GROWTH_STEPS - 2], [1024, GROWTH_STEPS - 1]],
  ['an overflow at the step that would double it halves it', [false], [1024, GROWTH_STEPS - 1], [512, 0]],
  ['it does not fall below 1', [false], [LEAST_SCALE, 5], [LEAST_SCALE, 0]],
  ['it does not rise above 2 to the 24th', [true], [2 ** 24, GROWTH_STEPS - 1], [2 ** 24, 0]],
])('%s', (_what, steps, from, to) => {
  expect(after(steps, from)).toEqual(to)
})

test('a step says the scale it was done with, and scales there and back without a trace', () => {
  const lossScale = createLossScale(tf)
  onTestFinished(() => lossScale.dispose())
  const values = tf.tidy(() => {
    const used = lossScale.adapt(tf.scalar(false, 'bool'))
    const gradient = tf.tensor1d([1 / 3, -1e-30, 12345.678])
    return [used, lossScale.unscaled(lossScale.scaled(gradient)), gradient].map((tensor) => [...tensor.dataSync()])
  })
  expect(values[0]).toEqual([FIRST_SCALE])
  expect(values[1]).toEqual(values[2])
})

test.each([
  [3, [3, 3]],
  [Infinity, [1, 2]],
  [NaN, [1, 2]],
])('what is assigned together with a norm of %d leaves a variable at %j', (norm, expected) => {
  const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
  onTestFinished(() => variable.dispose())
  tf.tidy(() => {
    const assign = () => {
      variable.assign(tf.fill([2], norm))
      return tf.scalar(norm)
    }
    assignIfFinite(tf, [{ variable }], assign, (given) => given)
  })
  expect([...variable.dataSync()]).toEqual(expected)
})
