import { readFile } from 'node:fs/promises'
import type { ExperimentSpecInput } from '@baton/contracts'
import { decode } from '@baton/safetensors'
import { describe, expect, test } from 'vitest'
import { tinyWorld } from '../fixtures/tiny-world.ts'
import { aMachine } from '../fixtures/a-machine.ts'
import { handOverAtLook, resultOf } from '../fixtures/train-sessions.ts'
import type { Session } from '../fixtures/train-sessions.ts'

/** 40 seconds, at a second a step; then 3 steps more. */
const byHours: ExperimentSpecInput = {
  name: 'by hours',
  dataset: 'tiny',
  folds: { count: 3 },
  model: { name: 'convnet', width: 2, blocks: 1 },
  image: { size: 8 },
  stages: [
    { name: 'by-hours', hours: 40 / 3600, batch: 3, schedule: { name: 'budget', lr: 0.05, warmupSteps: 3 } },
    { name: 'next', steps: 3, batch: 3, schedule: { name: 'constant', lr: 0.01 } },
  ],
  evaluate: { everyEpochs: 10, batch: 9 },
  checkpoint: { everySeconds: 3600 },
}

const world = tinyWorld(byHours, { train: 27, test: 2, side: 8 })

const ratesOf = ({ metrics }: Session) => metrics.filter(({ name }) => name === 'train/lr').map(({ value }) => value)

describe('a stage that lasts so many hours', () => {
  test('ends when they are over, at its schedule’s last rate, and the next one follows', async () => {
    const whole = await world.train({ ports: aMachine({ secondsPerStep: 1 }) })
    expect(whole.outcome).toMatchObject({ kind: 'completed', position: { step: 43, stage: 1, stageStep: 3 } })
    expect(whole.metrics.filter(({ name }) => name === 'train/planned-end')).toEqual([
      { step: 16, name: 'train/planned-end', value: 40 },
    ])
    expect(whole.logs).toContain('info: stage by-hours ends at step 40, by 1000 ms a step')
    const rates = ratesOf(whole)
    expect(Math.max(...rates)).toBeCloseTo(0.05, 12)
    expect(rates[39]).toBeLessThan(0.0003)
    expect(rates.slice(16, 40)).toEqual(rates.slice(16, 40).toSorted((a, b) => b - a))
  })

  test('ends with the same bytes when it is interrupted, on machines of one pace', async () => {
    const whole = resultOf(await world.train({ ports: aMachine({ secondsPerStep: 1 }) })).digests
    const pieces = await world.trainInPieces([5, 80, 2, 60].map(handOverAtLook), {
      ports: aMachine({ secondsPerStep: 1 }),
    })
    expect(pieces).toHaveLength(5)
    expect(resultOf(pieces.at(-1)!).digests).toEqual(whole)
  })

  test('is decided on anew on a machine of another pace, from what was left', async () => {
    const first = await world.train({
      ports: aMachine({ secondsPerStep: 0.5 }),
      signal: (_look, { progress }) => ((progress.at(-1)?.position.step ?? 0) >= 20 ? 'hand-over' : null),
    })
    const resume = first.checkpoints.at(-1)!
    const { step } = resume.manifest.position
    const second = await world.train({ ports: aMachine({ secondsPerStep: 1 }), resume })
    const end = step + 40 - step / 2
    const { position } = second.outcome as { position: { step: number } }
    expect(Math.abs(position.step - 3 - end)).toBeLessThan(3)
    expect(second.logs.some((line) => line.includes('earlier than decided before'))).toBe(true)
    expect(ratesOf(second)[position.step - 4 - step]).toBeLessThan(0.001)
  })
})

test('plateau drops the rate, makes the optimizer anew and ends the stage, also when it is resumed in between', async () => {
  const schedule = {
    name: 'plateau',
    lr: 1e-9,
    factor: 0.5,
    patience: 2,
    minGain: 0.5,
    maxDrops: 2,
    resetOptimizer: true,
  }
  const spec = { stages: [{ name: 'stuck', epochs: 50, batch: 9, schedule }], evaluate: { batch: 9 } }
  const options = { spec: spec as Partial<ExperimentSpecInput> }
  const whole = await world.train(options)
  // The first evaluation gains; each two without gain drop the rate, and the third time end the stage.
  expect(whole.outcome).toMatchObject({ kind: 'completed', position: { step: 14 } })
  expect(ratesOf(whole)).toEqual([6, 4, 4].flatMap((steps, drops) => Array<number>(steps).fill(1e-9 * 0.5 ** drops)))
  const last = whole.checkpoints.at(-1)!
  const slots = decode(await readFile(last.files.optimizer!)).tensors
  expect(slots.get('adamw/t/head/dense/bias')!.data[0]).toBe(4)
  const pieces = await world.trainInPieces([20, 25, 30].map(handOverAtLook), options)
  expect(pieces).toHaveLength(4)
  expect(resultOf(pieces.at(-1)!).digests).toEqual(resultOf(whole).digests)
  expect(pieces.at(-1)!.checkpoints.at(-1)!.manifest).toEqual(last.manifest)
})
