import type { Client } from '@baton/contracts'
import { makeSubmission, recordCheckpoint, renderSubmission, retireCheckpoints } from '@baton/core'
import { aCheckpoint, aCompletedExperiment, aLease, anExperiment, aSession, createWorld } from '@baton/testing'
import type { World } from '@baton/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startRest } from '../support/rest.ts'
import type { Rest } from '../support/rest.ts'

let world: World
let rest: Rest
let owner: Client
const params = { project: 'emoji' }

beforeEach(async () => {
  world = await createWorld()
  rest = await startRest(world)
  owner = rest.owner
})
afterEach(async () => {
  await rest.close()
  await world.close()
})

const stored = (text: string) => world.blobs.write(new TextEncoder().encode(text))
const keep = async (name: string, text = name) =>
  owner.createArtifact({ params, body: { name, digest: (await stored(text)).digest } })
const named = (artifact: string) => ({ params: { ...params, artifact } })

async function aSubmission(version: number) {
  const { id, number } = await owner.createSubmission({ params: { ...params, version }, body: {} })
  await makeSubmission({ ...world, render: async (input) => renderSubmission(input) }, { submissionId: id })
  return owner.getSubmission({ params: { ...params, number } })
}

/** A fold in training, and how its session commits checkpoints. */
async function aTraining() {
  await anExperiment(world, { folds: { count: 2, only: [0] } })
  const sessionId = await aSession(world)
  const lease = await aLease(world, sessionId)
  const proof = { foldId: lease.foldId, fence: lease.fence, sessionId }
  return {
    lease,
    commit: async (step: number, files?: Awaited<ReturnType<typeof aCheckpoint>>['files']) => {
      const manifest = await aCheckpoint(world, lease, step)
      return recordCheckpoint(world, { ...proof, manifest: { ...manifest, files: files ?? manifest.files } })
    },
  }
}

describe("an experiment's artifacts", () => {
  test('are what its folds, its assembling and its submissions left, each with an address', async () => {
    const experiment = await aCompletedExperiment(world)
    const at = { ...params, version: experiment.version }
    const submission = await aSubmission(experiment.version)
    const { items } = await owner.listExperimentArtifacts({ params: at })
    expect(items.map(({ name, kind, fold }) => [name, kind, fold])).toEqual([
      ...[0, 1].flatMap((fold) => [
        [`fold-${fold}-weights.safetensors`, 'weights', fold],
        [`fold-${fold}-oof.safetensors`, 'oof', fold],
        [`fold-${fold}-test.safetensors`, 'test-predictions', fold],
      ]),
      ['ensemble.safetensors', 'ensemble', null],
      [`submission-${submission.number}.csv`, 'submission', null],
    ])
    expect(items.at(-2)).toMatchObject(experiment.testPredictions!)
    expect(items.at(-1)).toMatchObject(submission.file!)
    for (const { digest, sizeBytes } of items) {
      expect(world.blobs.objects.get(digest)?.byteLength).toBe(sizeBytes)
      const download = await owner.downloadExperimentArtifact({ params: { ...at, digest } })
      expect(download).toEqual({ digest, url: `memory:${digest}` })
    }
  })

  test('are not those of another, nor objects that nobody may want', async () => {
    const experiment = await aCompletedExperiment(world)
    const { version } = await anExperiment(world)
    const foreign = { ...params, version, digest: experiment.testPredictions!.digest }
    await expect(owner.downloadExperimentArtifact({ params: foreign })).rejects.toMatchObject({ code: 'not-found' })
    expect(await owner.listExperimentArtifacts({ params: { ...params, version } })).toEqual({ items: [] })
  })
})

describe('an artifact', () => {
  test('is kept under its name, listed by name page by page, and read', async () => {
    for (const name of ['c.csv', 'a.csv', 'b.csv']) await keep(name)
    const first = await owner.listArtifacts({ params, query: { limit: 2 } })
    const last = await owner.listArtifacts({ params, query: { limit: 2, cursor: first.nextCursor! } })
    expect([first, last].map(({ items }) => items.map(({ name }) => name))).toEqual([['a.csv', 'b.csv'], ['c.csv']])
    expect(last.nextCursor).toBeNull()
    const { digest } = await owner.getArtifact(named('a.csv'))
    expect(await owner.downloadArtifact(named('a.csv'))).toMatchObject({ digest })
  })

  test('of a name that is taken, of an object that is not there, or under a name that is no file is refused', async () => {
    const { digest } = await keep('notes.txt')
    await expect(keep('notes.txt', 'other')).rejects.toMatchObject({ code: 'already-exists' })
    expect(await owner.getArtifact(named('notes.txt'))).toMatchObject({ digest })
    const missing = owner.createArtifact({ params, body: { name: 'gone', digest: 'a'.repeat(64) } })
    await expect(missing).rejects.toMatchObject({ code: 'blob-missing' })
    await expect(keep('../etc')).rejects.toMatchObject({ code: 'request-invalid', faults: [{ pointer: '/name' }] })
  })

  test('that is deleted takes its object along, unless another one is the same object', async () => {
    const { digest } = await keep('one', 'same')
    await keep('two', 'same')
    await owner.deleteArtifact(named('one'))
    expect(world.blobs.objects.has(digest)).toBe(true)
    await owner.deleteArtifact(named('two'))
    expect(world.blobs.objects.has(digest)).toBe(false)
    await expect(owner.getArtifact(named('two'))).rejects.toMatchObject({ code: 'not-found' })
    await expect(owner.deleteArtifact(named('two'))).rejects.toMatchObject({ code: 'not-found' })
  })

  test('is not deleted while a dataset, bundle, checkpoint, result, ensemble or submission is its object', async () => {
    const experiment = await aCompletedExperiment(world)
    const { items } = await owner.listExperimentArtifacts({ params: { ...params, version: experiment.version } })
    const submission = await aSubmission(experiment.version)
    const bundle = await stored('a bundle')
    const project = (await world.store.projects.find('emoji'))!
    await world.store.bundles.upsert({ projectId: project.id, ...bundle, files: [] })
    const { commit } = await aTraining()
    const checkpoint = await commit(1)
    const [shard] = world.manifest.shards
    const objects: [string, string][] = [
      ['fold', items[0]!.digest],
      ['experiment', experiment.testPredictions!.digest],
      ['submission', submission.file!.digest],
      ['code bundle', bundle.digest],
      ['dataset version', shard!.digest],
      ['checkpoint', checkpoint.digest],
    ]
    for (const [referrer, digest] of objects) {
      await owner.createArtifact({ params, body: { name: referrer.replace(' ', '-'), digest } })
      await expect(owner.deleteArtifact(named(referrer.replace(' ', '-')))).rejects.toMatchObject({
        code: 'conflict',
        facts: { referrers: [referrer] },
      })
      expect(world.blobs.objects.has(digest)).toBe(true)
    }
  })
})

test('retention never removes what an artifact or the file of a submission is', async () => {
  const experiment = await aCompletedExperiment(world)
  const submission = await aSubmission(experiment.version)
  const { commit } = await aTraining()
  // A session may call anything its checkpoint.
  await commit(1, [{ name: 'weights', ...submission.file! }])
  await commit(2)
  const surplus = await commit(3)
  const kept = await owner.createArtifact({ params, body: { name: 'kept', digest: surplus.digest } })
  for (const step of [4, 5]) await commit(step)
  expect(await retireCheckpoints(world)).toBe(3)
  expect([submission.file!, kept].filter(({ digest }) => !world.blobs.objects.has(digest))).toEqual([])
})

describe("a fold's checkpoints", () => {
  test('are listed newest first, page by page, and say which one is resumed from and who committed it', async () => {
    const { lease, commit } = await aTraining()
    const digests: string[] = []
    for (const step of [1, 2, 3]) digests.unshift((await commit(step)).digest)
    const fold = { fold: lease.foldId }
    const first = await owner.listCheckpoints({ params: fold, query: { limit: 2 } })
    const last = await owner.listCheckpoints({ params: fold, query: { limit: 2, cursor: first.nextCursor! } })
    expect([...first.items, ...last.items].map(({ digest }) => digest)).toEqual(digests)
    expect(last.nextCursor).toBeNull()
    expect(first.items).toMatchObject([
      { step: 3, attempt: 1, isNewest: true },
      { step: 2, attempt: 1, isNewest: false },
    ])
    await expect(owner.listCheckpoints({ params: { fold: crypto.randomUUID() }, query: {} })).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  test('are read with their manifest, whose address and whose files are given out', async () => {
    const { lease, commit } = await aTraining()
    const { digest } = await commit(7)
    const at = { params: { fold: lease.foldId, digest } }
    const checkpoint = await owner.getCheckpoint(at)
    expect(checkpoint.manifest).toMatchObject({ position: { step: 7 }, environment: { backend: 'cpu' } })
    const [weights] = checkpoint.manifest.files
    expect((await owner.downloadCheckpoint(at)).items).toEqual([
      { name: 'manifest', digest, url: `memory:${digest}` },
      { name: 'weights', digest: weights!.digest, url: `memory:${weights!.digest}` },
    ])
    const other = await aTraining()
    const foreign = { params: { fold: other.lease.foldId, digest } }
    await expect(owner.downloadCheckpoint(foreign)).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('a dataset version and a code bundle', () => {
  test('of a version the manifest and the shards are given out, and nothing else', async () => {
    const [version] = (await owner.listDatasetVersions({ params, query: {} })).items
    const at = { ...params, dataset: 'emoji', version: 1 }
    for (const digest of [version!.manifest, world.manifest.shards[0]!.digest])
      expect(await owner.downloadDatasetObject({ params: { ...at, digest } })).toEqual({
        digest,
        url: `memory:${digest}`,
      })
    const other = await stored('an object of somebody else')
    for (const wrong of [{ digest: other.digest }, { digest: version!.manifest, version: 2 }])
      await expect(owner.downloadDatasetObject({ params: { ...at, ...wrong } })).rejects.toMatchObject({
        code: 'not-found',
      })
  })

  test('say what they hold and which experiments use them', async () => {
    const bundle = await stored('a bundle')
    const project = (await world.store.projects.find('emoji'))!
    await world.store.bundles.upsert({ projectId: project.id, ...bundle, files: ['index.mjs'] })
    const one = await anExperiment(world)
    const two = await anExperiment(world, { code: bundle.digest })
    const dataset = await owner.getDatasetVersion({ params: { ...params, dataset: 'emoji', version: 1 } })
    expect(dataset).toMatchObject({
      samplesTrain: 20,
      samplesTest: 4,
      labelGroups: [
        { name: 'category', labels: 3 },
        { name: 'tag', labels: 2 },
      ],
      splitFacts: { groups: 0, units: 20, foldSizes: [] },
      usedBy: { experiments: 2, newest: [two.version, one.version] },
    })
    const code = await owner.getCodeBundle({ params: { ...params, digest: bundle.digest } })
    expect(code).toMatchObject({ files: ['index.mjs'], usedBy: { experiments: 1, newest: [two.version] } })
    await expect(
      owner.getDatasetVersion({ params: { ...params, dataset: 'emoji', version: 2 } }),
    ).rejects.toMatchObject({ code: 'not-found' })
    await expect(owner.getCodeBundle({ params: { ...params, digest: 'a'.repeat(64) } })).rejects.toMatchObject({
      code: 'not-found',
    })
  })
})
