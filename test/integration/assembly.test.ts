import { assembleExperiment, cancelExperiment, completeFold, getExperiment } from '@baton/core'
import { decode } from '@baton/safetensors'
import {
  aCompletedExperiment,
  aLease,
  anExperiment,
  aResult,
  aSession,
  createWorld,
  encodePredictions,
  runSql,
} from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError } from '@baton/contracts'
import type { Blob, Experiment, FoldResult } from '@baton/contracts'

let world: World

beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

/** An experiment of one fold that was completed with the right predictions, but for the change. */
async function completedWith(change: (result: FoldResult) => Promise<FoldResult>): Promise<Experiment> {
  const experiment = await anExperiment(world, { folds: { count: 2, only: [0] } })
  const sessionId = await aSession(world)
  const lease = await aLease(world, sessionId)
  const result = await aResult(world, lease)
  const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
  await completeFold(world, { ...proof, step: 9, result: await change(result) })
  return experiment
}

const statusOf = async ({ version }: Experiment) => getExperiment(world, { project: 'emoji', version })

/** Something that happens whenever an object is about to be read. */
function beforeRead(happens: (digest: string) => void | Promise<void>): void {
  const read = world.blobs.read.bind(world.blobs)
  world.blobs.read = async (digest, limits) => {
    await happens(digest)
    return read(digest, limits)
  }
}

/** An object that arrives damaged the next times it is read. */
function damage({ digest }: Blob, times: number): void {
  let left = times
  beforeRead((wanted) => {
    if (wanted === digest && left-- > 0) throw new AppError('digest-mismatch', { digest })
  })
}

test('predictions that are right complete the experiment', async () => {
  const experiment = await completedWith(async (result) => result)
  await assembleExperiment(world, { experimentId: experiment.id })
  expect(await statusOf(experiment)).toMatchObject({ status: 'completed', cv: 1 })
})

const byDistance = { metric: { threshold: 'distance', maxLabels: 3 }, knn: {}, ensemble: { blend: 'mean' } }

test('what neighbours say counts, and what was found of them on OOF is shown', async () => {
  const experiment = await aCompletedExperiment(world, byDistance)
  expect(experiment).toMatchObject({ status: 'completed', cv: 1, knnWeight: 0, distanceSlope: 0 })
  const { tensors } = decode(world.blobs.objects.get(experiment.testPredictions!.digest)!)
  expect(tensors.get('factor')!.data).toEqual(new Float32Array(4).fill(1))
  const plain = await aCompletedExperiment(world)
  expect(plain).toMatchObject({ knnWeight: null, distanceSlope: null })
  expect(decode(world.blobs.objects.get(plain.testPredictions!.digest)!).tensors.has('factor')).toBe(false)
})

test('a fold that kept no votes though its spec has neighbours vote is failed', async () => {
  const experiment = await anExperiment(world, { ...byDistance, folds: { count: 2, only: [0] } })
  const sessionId = await aSession(world)
  const lease = await aLease(world, sessionId)
  const result = await aResult(world, { ...lease, spec: { ...lease.spec, knn: null } })
  await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 9, result })
  await assembleExperiment(world, { experimentId: experiment.id })
  const { folds } = await statusOf(experiment)
  expect(folds[0]!.failure).toMatchObject({ code: 'predictions-incomplete' })
})

test('predictions are checked without being scored', async () => {
  const experiment = await completedWith(async (result) => ({ ...result, oof: result.test! }))
  const assemble = () => Promise.reject(new Error('assembled'))
  await assembleExperiment({ ...world, assemble }, { experimentId: experiment.id })
  expect(await statusOf(experiment)).toMatchObject({
    status: 'failed',
    folds: [
      { failure: { code: 'predictions-incomplete', detail: 'the OOF of fold 0 has 4 rows, but its samples are 10' } },
    ],
  })
})

const store = (bytes: Uint8Array) => world.blobs.write(bytes)
const rows = Int32Array.from([20, 21, 22, 23])

/** What a worker may deliver, and what its fold fails with (I7). */
const unusable: [name: string, change: (result: FoldResult) => Promise<FoldResult>][] = [
  [
    'gone from storage',
    async (result) => {
      // They were there when the fold was completed.
      beforeRead((digest) => void (digest === result.oof.digest && world.blobs.objects.delete(digest)))
      return result
    },
  ],
  [
    'damaged in storage',
    async (result) => {
      damage(result.oof, Infinity)
      return result
    },
  ],
  ['far larger than they can be', async (result) => ({ ...result, oof: await store(new Uint8Array(2 ** 22)) })],
  ['missing for the test samples', async (result) => ({ ...result, test: null })],
  ['those of the test samples twice', async (result) => ({ ...result, oof: result.test! })],
  [
    'NaN',
    async (result) => ({ ...result, test: await store(encodePredictions(rows, new Float32Array(20).fill(NaN))) }),
  ],
  [
    'infinite',
    async (result) => ({ ...result, test: await store(encodePredictions(rows, new Float32Array(20).fill(Infinity))) }),
  ],
  [
    'of other labels',
    async (result) => ({ ...result, test: await store(encodePredictions(rows, new Float32Array(16))) }),
  ],
  ['empty', async (result) => ({ ...result, oof: await store(new Uint8Array(0)) })],
]
test.each(unusable)('predictions that are %s fail their fold, and with it the experiment', async (_, change) => {
  const experiment = await completedWith(change)
  await assembleExperiment(world, { experimentId: experiment.id })
  expect(await statusOf(experiment)).toMatchObject({ status: 'failed', failure: { code: 'predictions-incomplete' } })
})

test('predictions that were damaged on the way are read again', async () => {
  const experiment = await completedWith(async (result) => {
    damage(result.oof, 1)
    return result
  })
  await assembleExperiment(world, { experimentId: experiment.id })
  expect(await statusOf(experiment)).toMatchObject({ status: 'completed' })
})

test('experiments whose assembling was lost are found page by page, all of them', async () => {
  const made = [await anExperiment(world), await anExperiment(world), await anExperiment(world)]
  for (const { id } of made)
    await runSql(world.databaseUrl, `UPDATE fold SET status = 'failed' WHERE experiment_id = '${id}'`)
  const { experiments } = world.store
  const all = await experiments.unassembled(null, 1000)
  expect(all).toEqual(all.toSorted())
  expect(all).toEqual(expect.arrayContaining(made.map(({ id }) => id)))
  const pages: string[] = []
  for (let page = await experiments.unassembled(null, 2); page.length > 0;) {
    pages.push(...page)
    page = await experiments.unassembled(page.at(-1)!, 2)
  }
  expect(pages).toEqual(all)
})

test('while it is assembled an experiment says so and cannot be cancelled', async () => {
  const experiment = await completedWith(async (result) => result)
  const { version } = experiment
  const seen: string[] = []
  beforeRead(async () => {
    seen.push((await statusOf(experiment)).status)
    await expect(cancelExperiment(world, { project: 'emoji', version })).rejects.toMatchObject({ code: 'conflict' })
  })
  await assembleExperiment(world, { experimentId: experiment.id })
  expect(new Set(seen)).toEqual(new Set(['assembling']))
  expect((await statusOf(experiment)).status).toBe('completed')
})
