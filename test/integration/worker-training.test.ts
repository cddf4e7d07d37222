import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packBundle } from '@baton/bundle'
import type { Blob, ExperimentSpecInput } from '@baton/contracts'
import { buildEmojiDataset, readDataset } from '@baton/dataset'
import { createLog } from '@baton/log'
import { defaultCacheDir, prepareTensorflow } from '@baton/tensorflow'
import { runSession } from '@baton/worker'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startFakeApi } from '../support/fake-api.ts'
import type { FakeApi } from '../support/fake-api.ts'
import { sessionSettings } from '../support/session-settings.ts'

/** The training child that ships. */
const trainEntry = new URL('../../apps/worker/src/train.ts', import.meta.url)

let api: FakeApi
let dir: string
/** A hundred pictures, uploaded. */
let dataset: { manifest: Blob; shards: Blob[] }

beforeAll(async () => {
  await prepareTensorflow()
  api = await startFakeApi()
  dir = mkdtempSync(path.join(tmpdir(), 'baton-training-'))
  // A cache of this test's own, but for TensorFlow, which takes minutes to fetch.
  symlinkSync(path.join(defaultCacheDir(), 'tensorflow'), path.join(dir, 'tensorflow'))
  dataset = await uploadDataset()
})

afterAll(async () => {
  await api.close()
  rmSync(dir, { recursive: true })
})

afterEach(() => vi.unstubAllEnvs())

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
    log: createLog({ app: 'worker', level: 'silent' }),
    stop: stop.signal,
  })
  return { ended, stop: () => stop.abort() }
}

test('a fold trained over two sessions ends with the bytes of one trained in one', async () => {
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

/** A loss that needs 400 TB for more than two samples: more than an address space holds, so that malloc refuses it. */
async function uploadGreedyLoss() {
  const folder = path.join(dir, 'greedy')
  mkdirSync(folder)
  const source = `export const loss = ({ tf }) => (logits, labels) => {
    const side = logits.shape[0] > 2 ? 1e7 : 1
    const column = tf.tile(tf.reshape(tf.mean(logits), [1, 1]), [side, 1])
    const nothing = tf.mul(tf.mean(tf.matMul(column, column, false, true)), 0)
    return tf.add(tf.mean(tf.squaredDifference(logits, labels), 1), nothing)
  }`
  writeFileSync(path.join(folder, 'index.js'), source)
  return api.addBlob((await packBundle(folder)).bytes)
}

test('a fold whose steps TensorFlow has no memory for goes on with less at a time, or fails, as its spec says', async () => {
  // With oneDNN its allocator waits, for ten seconds or more, for somebody to give memory back.
  vi.stubEnv('TF_ENABLE_ONEDNN_OPTS', '0')
  const uploaded = { ...dataset, code: await uploadGreedyLoss() }
  const loss = { name: 'bundle' } as const
  const stages = [{ name: 'all', steps: 2, batch: 4, schedule: { name: 'constant', lr: 0.01 } as const, loss }]
  const greedy = { ...spec, stages, evaluate: {} }
  const shrinking = api.addFold({ ...uploaded, spec: greedy })
  const failing = api.addFold({ ...uploaded, spec: { ...greedy, onOom: 'fail' } })
  const { folds } = await startSession().ended
  expect(folds).toMatchObject([{ end: { kind: 'completed' } }, { end: { kind: 'failed', code: 'out-of-memory' } }])
  expect(shrinking.checkpoint!.manifest).toMatchObject({
    environment: { execution: 'compiled' },
    state: { accumulate: 2 },
  })
  expect(failing.attempts[0]).toBe('failed')
})
