import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ExperimentSpecInput } from '@baton/contracts'
import { integer, streamKey } from '@baton/random'
import { expect, test } from 'vitest'
import { tinyWorld } from '../fixtures/tiny-world.ts'
import { handOverAtLook, resultOf } from '../fixtures/train-sessions.ts'
import type { SessionOptions } from '../fixtures/train-sessions.ts'

type StageInput = ExperimentSpecInput['stages'][number]
const schedule = { name: 'constant', lr: 0.02 } as const

/** Everything that is done to pictures; what is learnt worst twice, and what is rare more often. */
const spec: ExperimentSpecInput = {
  name: 'pictures',
  dataset: 'tiny',
  folds: { count: 3 },
  model: { name: 'convnet', width: 2, blocks: 1, dropout: 0.1 },
  image: { size: 8 },
  augment: 'imet-256',
  stages: [
    { name: 'small', epochs: 2, batch: 6, schedule, imageSize: 12, augment: 'imet-320', mix: { name: 'cutmix' } },
    { name: 'full', epochs: 3, batch: 5, schedule, mix: { name: 'mixup' }, mine: { share: 0.3 } },
    { name: 'last', epochs: 2, batch: 4, schedule, mine: { share: 0.2 }, sample: { weight: 'inverse' } },
  ],
  evaluate: { batch: 6, tta: { views: 3 } },
  checkpoint: { everySeconds: 3600 },
}

const world = tinyWorld(spec, { train: 27, test: 5, side: 10 })

test('presets, sizes of stages, mixes, mining, sampling and drawn views end with the same bytes when interrupted', async () => {
  const whole = await world.train({ signal: () => null })
  for (const seed of [1, 2]) {
    const key = streamKey('interrupt', seed)
    const looks = Array.from({ length: 6 }, (_, i) => 1 + integer(key, i, Math.ceil(whole.polls / 4)))
    const pieces = await world.trainInPieces(looks.map(handOverAtLook))
    expect(pieces.length).toBeGreaterThan(2)
    expect(resultOf(pieces.at(-1)!)).toMatchObject({ digests: resultOf(whole).digests })
    // With the losses that mining saves.
    const checkpoints = pieces.flatMap((piece) => piece.checkpoints)
    expect(checkpoints.at(-1)!.manifest).toEqual(whole.checkpoints.at(-1)!.manifest)
  }
})

test('they end with the same bytes when other threads make the pictures, interrupted or not', async () => {
  const whole = resultOf(await world.train())
  const pieces = await world.trainInPieces([handOverAtLook(12)], { run: { dataThreads: 2 } })
  expect(pieces).toHaveLength(2)
  expect(resultOf(pieces[1]!)).toMatchObject({ digests: whole.digests })
})

test('each of them changes what is learnt or predicted', async () => {
  const [small, full, last] = spec.stages as [StageInput, StageInput, StageInput]
  const stagesWith = (change: object) => ({ stages: [small, { ...full, ...change }, last] })
  const changes: Partial<ExperimentSpecInput>[] = [
    {},
    { augment: [{ op: 'flip' }] },
    { evaluate: { batch: 6, tta: 'flip' } },
    { evaluate: { batch: 6, tta: 'none' } },
    stagesWith({ mix: null }),
    stagesWith({ mine: null }),
    stagesWith({ sample: {} }),
    stagesWith({ imageSize: 12 }),
    stagesWith({ augment: 'imet-320' }),
  ]
  const results = new Set<string>()
  for (const change of changes) {
    const { digests, last } = resultOf(await world.train({ spec: change }))
    results.add([digests[0], ...last!].join())
  }
  expect(results.size).toBe(changes.length)
})

test('mining with a loss of the batch alone is the code bundle’s failure', async () => {
  const bundleDir = path.join(world.dir, 'bundle')
  await mkdir(bundleDir)
  await writeFile(
    path.join(bundleDir, 'index.js'),
    'export const loss = ({ tf }) => (logits) => tf.mean(tf.square(logits))',
  )
  const stages = [{ ...spec.stages[2]!, loss: { name: 'bundle' as const } }]
  const options: SessionOptions = { spec: { code: 'c'.repeat(64), stages }, run: { bundleDir } }
  await expect(world.train(options)).rejects.toMatchObject({
    code: 'user-code-failed',
    message: expect.stringContaining('mining needs the loss of each sample') as string,
  })
})
