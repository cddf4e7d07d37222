import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Tf } from '@baton/tensorflow'
import { cramped } from '../../packages/trainer/src/fixtures/cramped.ts'
import { makeTinyDataset } from '../../packages/trainer/src/fixtures/tiny-dataset.ts'
import {
  environment,
  handOverAtLook,
  resultOf,
  trainSessions,
} from '../../packages/trainer/src/fixtures/train-sessions.ts'
import type { TrainSessions } from '../../packages/trainer/src/fixtures/train-sessions.ts'
import { loadNativeTensorflow } from '../support/native-tensorflow.ts'

let tf: Tf
let dir: string
let sessions: TrainSessions
beforeAll(async () => {
  tf = await loadNativeTensorflow()
  dir = await mkdtemp(path.join(tmpdir(), 'baton-oom-'))
  const data = await makeTinyDataset({ dir, train: 27, test: 5, side: 10 })
  const spec = {
    name: 'tiny',
    dataset: 'tiny',
    folds: { count: 3 },
    model: { name: 'convnet', width: 4, blocks: 1 } as const,
    image: { size: 8 },
    stages: [{ name: 'all', epochs: 2, batch: 6, schedule: { name: 'constant', lr: 0.01 } as const }],
    evaluate: { batch: 5 },
  }
  sessions = trainSessions({ dir, data, spec })
})
afterAll(() => rm(dir, { recursive: true }))

const native = () => ({
  tf,
  environment: { ...environment, tensorflow: '2', device: 'CPU', execution: 'compiled' as const },
})

test('compiled steps that run out of memory go on with less at a time, and are the same in pieces', async () => {
  const options = { ports: { tensorflow: cramped(native(), 2) } }
  const whole = await sessions.train(options)
  expect(whole.checkpoints.at(-1)!.manifest.state).toMatchObject({ accumulate: 4, predictBatch: 2 })
  const pieces = await sessions.trainInPieces([20, 30].map(handOverAtLook), options)
  expect(pieces.length).toBeGreaterThan(1)
  const { digests, best } = resultOf(pieces.at(-1)!)
  expect({ digests, best }).toEqual({ digests: resultOf(whole).digests, best: resultOf(whole).best })
})
