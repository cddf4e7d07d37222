import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import type { OptimizerSpec } from '@baton/contracts'
import type { ModelVariable, Role } from '../models/model.ts'
import fixture from './fixtures/pytorch.json' with { type: 'json' }
import { createOptimizer } from './optimizer.ts'
import type { Optimizer, StepRates } from './optimizer.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

type Values = Record<'kernel' | 'bias', number[]>

function aVariable(name: string, role: Role, values: number[], shape: number[]): ModelVariable {
  return { name, role, group: 'body', variable: tf.variable(tf.tensor(values, shape)) }
}

const theVariables = () => [
  aVariable('kernel', 'kernel', fixture.start.kernel, [3, 2]),
  aVariable('bias', 'bias', fixture.start.bias, [2]),
]

function step(optimizer: Optimizer, rates: StepRates, gradients: Values): void {
  const given = () => [tf.tensor(gradients.kernel, [3, 2]), tf.tensor(gradients.bias)]
  tf.tidy(() => optimizer.apply(given(), optimizer.rates(rates)))
  optimizer.count()
}

test.each(fixture.cases)(
  '20 steps equal those of PyTorch or timm with $spec, momentum cycled: $cycled',
  ({ spec, cycled, after }) => {
    const variables = theVariables()
    const optimizer = createOptimizer(tf, spec as OptimizerSpec, variables)
    after.forEach((expected, i) => {
      const momentum = cycled ? { momentum: fixture.momenta[i]! } : {}
      step(optimizer, { lr: fixture.rates[i]!, ...momentum }, fixture.gradients[i]!)
      for (const { name, variable } of variables)
        variable.dataSync().forEach((got, k) => {
          const want = expected[name as keyof Values][k]!
          expect(Math.abs(got - want), `${name} after step ${i}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(want)))
        })
    })
  },
)

const moments = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const
const adamw = { name: 'adamw', ...moments, weightDecay: 0.1, decayBiasAndNorm: false } as const

test.each([
  [false, [Math.fround(2 * (1 - 0.5 * 0.1)), 2, 2]],
  [true, Array<number>(3).fill(Math.fround(2 * (1 - 0.5 * 0.1)))],
])('weight decay is of kernels; of biases and normalisation too: %s', (decayBiasAndNorm, after) => {
  const variables = (['kernel', 'bias', 'norm'] as const).map((role) => aVariable(role, role, [2], [1]))
  const optimizer = createOptimizer(tf, { ...adamw, decayBiasAndNorm }, variables)
  tf.tidy(() =>
    optimizer.apply(
      [1, 2, 3].map(() => tf.zeros([1])),
      optimizer.rates({ lr: 0.5 }),
    ),
  )
  expect(variables.map(({ variable }) => variable.dataSync()[0])).toEqual(after)
})

test('slots and counts are named by variable, and a variable without a count starts afresh', () => {
  const optimizer = createOptimizer(tf, adamw, theVariables())
  expect(optimizer.state.map(({ name }) => name)).toEqual([
    'adamw/m/kernel',
    'adamw/v/kernel',
    'adamw/m/bias',
    'adamw/v/bias',
  ])
  step(optimizer, { lr: 0.1 }, fixture.gradients[0]!)
  expect(optimizer.counts()).toEqual(
    new Map([
      ['adamw/t/kernel', { shape: [], data: Float32Array.of(1) }],
      ['adamw/t/bias', { shape: [], data: Float32Array.of(1) }],
    ]),
  )
  optimizer.restoreCounts(new Map([['adamw/t/kernel', { shape: [], data: Float32Array.of(4) }]]))
  expect([...optimizer.counts().values()].map(({ data }) => data[0])).toEqual([4, 0])
  const [stepSizes] = optimizer.rates({ lr: 1 }).arraySync()
  expect(stepSizes![0]).toBeCloseTo(Math.sqrt(1 - 0.999 ** 5) / (1 - 0.9 ** 5), 5)
  expect(stepSizes![1]).toBeCloseTo(Math.sqrt(1 - 0.999) / (1 - 0.9), 5)
})
