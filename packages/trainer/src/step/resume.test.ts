import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { OptimizerSpec } from '@baton/contracts'
import { aBatch, aSetup, LR } from '../fixtures/small-stage.ts'
import type { Setup, StageInput } from '../fixtures/small-stage.ts'
import type { NamedTensors } from '../models/model.ts'

beforeAll(async () => {
  tf.enableProdMode()
  await tf.setBackend('cpu')
})

const STEPS_OF_STAGE = 2

/** Stages of two steps each; what is not a stage's own is the experiment's. */
interface Case {
  readonly stages: readonly StageInput[]
  readonly ema?: unknown
}

const sgdm = { name: 'sgdm' }
const optimizers = OptimizerSpec.options.map(({ shape }) => shape.name.value)
const cases: [what: string, of: Case][] = [
  ...optimizers.map((name): [string, Case] => [
    `${name}, its head first`,
    { stages: [{ train: 'head', optimizer: { name } }, { optimizer: { name } }] },
  ]),
  ['adamw, sgdm in between', { stages: [{}, { optimizer: sgdm }, {}] }],
  ['averages', { stages: [{ train: 'head' }, {}], ema: { decay: 0.9 } }],
  ['averages, warm at once, of batches in parts', { stages: [{ accumulate: 4 }], ema: { decay: 0.9, warmup: false } }],
  [
    'batches in parts',
    {
      stages: [
        { accumulate: 2, optimizer: sgdm },
        { accumulate: 8, clipNorm: 0.1 },
      ],
    },
  ],
  ['layer decay', { stages: [{ lrScale: { decay: 0.5 } }, { lrScale: { slice: 0.01 }, optimizer: sgdm }] }],
  [
    'groups by name',
    { stages: [{ train: ['block1'] }, { train: ['block0', 'head'], lrScale: { groups: { head: 3 } } }] },
  ],
  ['gradual unfreezing', { stages: [{ train: 'head' }, { train: 'last-two' }, { train: 'all' }] }],
  ['focal, then asymmetric loss', { stages: [{ loss: { name: 'focal' } }, { loss: { name: 'asymmetric' } }] }],
]

/** Trains from a step on, in a model of its own, with a momentum that changes where the optimizer has one. */
function trainFrom({ stages, ema = null }: Case, start: number, saved: NamedTensors | null): NamedTensors[] {
  const after: NamedTensors[] = []
  let setup: Setup | null = null
  for (let step = start; step < stages.length * STEPS_OF_STAGE; step++) {
    if (setup === null || step % STEPS_OF_STAGE === 0) {
      const before: NamedTensors | null = setup ? setup.program.state() : saved
      // Weights of its own, which the state replaces.
      setup = aSetup({ batch: 8, ...stages[Math.floor(step / STEPS_OF_STAGE)] }, 1 + start, undefined, ema)
      if (before) setup.program.restore(before)
    }
    setup.program.train(aBatch(step), { lr: LR, momentum: 0.9 - step / 10 }, step)
    after.push(setup.program.state())
  }
  return after
}

test.each(cases)('stopped after any step and resumed equals never stopped, to the byte: %s', (_what, of) => {
  const straight = trainFrom(of, 0, null)
  for (let cut = 1; cut < straight.length; cut++)
    expect(trainFrom(of, cut, straight[cut - 1]!).at(-1)).toEqual(straight.at(-1))
})
