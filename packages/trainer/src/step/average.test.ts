import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import type { ModelVariable } from '../models/model.ts'
import { averageDecay, createAverage } from './average.ts'
import fixture from './fixtures/ema.json' with { type: 'json' }
import { averagedWeight, averageName, isWeight } from './state-names.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const theVariables = (): ModelVariable[] =>
  (['weight', 'running_mean'] as const).map((name) => ({
    name,
    role: name === 'weight' ? 'norm' : 'statistic',
    group: 'head',
    variable: tf.variable(tf.zeros([3])),
  }))

test.each(fixture.cases)('20 averages of weights and statistics equal those of timm with $spec', ({ spec, after }) => {
  const variables = theVariables()
  const average = createAverage(tf, spec, { variables })
  fixture.values.forEach((values, step) => {
    tf.tidy(() => {
      for (const { name, variable } of variables) variable.assign(tf.tensor1d(values[name as keyof typeof values]))
      average.apply(average.rate(step))
    })
    for (const { name, variable } of average.state) {
      const expected = after[step]![averagedWeight(name) as keyof typeof values]
      variable.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5))
    }
  })
})

test('the first average is the weights, to the byte', () => {
  expect(averageDecay({ decay: 0.99, warmup: false }, 0)).toBe(0)
  expect(averageDecay({ decay: 0.99, warmup: false }, 1)).toBe(0.99)
})

test('averages stand in for the weights only while something is computed, also if it fails', () => {
  const variables = theVariables()
  const average = createAverage(tf, { decay: 0.5, warmup: false }, { variables })
  const valueOf = () => variables[0]!.variable.dataSync()[0]
  variables[0]!.variable.assign(tf.tensor1d([4, 4, 4]))
  average.apply(average.rate(0))
  variables[0]!.variable.assign(tf.tensor1d([8, 8, 8]))
  average.apply(average.rate(1))
  expect(average.inPlace(valueOf)).toBe(6)
  const fail = () => {
    throw new Error('broken')
  }
  expect(() => average.inPlace(fail)).toThrow('broken')
  expect(valueOf()).toBe(8)
})

test('weights, averages and optimizer slots are told apart by name', () => {
  expect(averagedWeight(averageName('stem/kernel'))).toBe('stem/kernel')
  expect(averagedWeight('stem/kernel')).toBeNull()
  expect(['stem/conv/kernel', 'adamw', 'body/adamw/m', 'head/ema/kernel'].every(isWeight)).toBe(true)
  expect(['adamw/m/stem/conv/kernel', 'sgdm/v/head/dense/bias', 'ema/stem/conv/kernel'].some(isWeight)).toBe(false)
})
