import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExperimentSpecInput } from '@baton/contracts'
import { buildEmojiDataset, readDataset } from '@baton/dataset'
import { createLog } from '@baton/log'
import { defaultCacheDir, prepareTensorflow } from '@baton/tensorflow'
import { runSession } from '@baton/worker'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startFakeApi } from '../support/fake-api.ts'
import type { FakeApi } from '../support/fake-api.ts'
import { sessionSettings } from '../support/session-settings.ts'

/** The training child that ships. */
const trainEntry = new URL('../../apps/worker/src/train.ts', import.meta.url)

let api: FakeApi
let dir: string

beforeAll(async () => {
  await prepareTensorflow()
  api = await startFakeApi()
  dir = mkdtempSync(path.join(tmpdir(), 'baton-training-'))
  // A cache of this test's own, but for TensorFlow, which takes minutes to fetch.
  symlinkSync(path.join(defaultCacheDir(), 'tensorflow'), path.join(dir, 'tensorflow'))
})

afterAll(async () => {
  await api.close()
  rmSync(dir, { recursive: true })
})

/** A hundred pictures, uploaded. */
async function uploadDataset() {
  const out = path.join(dir, 'emoji')
  await buildEmojiDataset({ out, size: 16, limit: 100 })
  const { manifestBytes, shards } = await readDataset(out)
  return { manifest: api.addBlob(manifestBytes), shards: shards.map((shard) => api.addBlob(readFileSync(shard))) }
}

const spec: Partial<ExperimentSpecInput> = {
  model: { name: 'convnet', width: 4, blocks: 2, dropout: 0.1 },
  image: { size: 16 },
  augment: [{ op: 'flip' }, { op: 'shift', pixels: 2 }],
  stages: [{ name: 'all', epochs: 20, batch: 4, schedule: { name: 'cosine', lr: 0.01 } }],
  evaluate: { everyEpochs: 10 },
}

function startSession() {
  const stop = new AbortController()
  const ended = runSession({
    ...sessionSettings(api),
    cacheDir: dir,
    trainEntry,
    log: createLog({ app: 'worker', level: 'error' }),
    stop: stop.signal,
  })
  return { ended, stop: () => stop.abort() }
}

test('a fold trained over two sessions ends with the bytes of one trained in one', async () => {
  const dataset = await uploadDataset()
  const interrupted = api.addFold({ ...dataset, spec })
  const first = startSession()
  await api.until(() => interrupted.progress !== null)
  first.stop()
  expect((await first.ended).folds).toMatchObject([{ end: { kind: 'handed-over' } }])
  const handedOverAt = interrupted.checkpoint!.manifest.position.step
  expect(handedOverAt).toBeGreaterThan(0)

  expect((await startSession().ended).folds).toMatchObject([{ end: { kind: 'completed' } }])
  expect(interrupted.progress?.step).toBeGreaterThan(handedOverAt)

  const straight = api.addFold({ ...dataset, spec })
  expect((await startSession().ended).folds).toMatchObject([{ end: { kind: 'completed' } }])
  expect(straight.attempts).toEqual(['completed'])
  expect(interrupted.attempts).toEqual(['handed_over', 'completed'])
  expect(interrupted.result).toEqual(straight.result)
  expect(api.refusals).toEqual([])
})
