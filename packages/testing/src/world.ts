import { createHash } from 'node:crypto'
import { ExperimentSpec, labelsOf, LoopState, ofLabelGroups } from '@baton/contracts'
import type { CheckpointManifest, DatasetManifest, Experiment, FoldResult, Lease } from '@baton/contracts'
import {
  acquireLease,
  assembleExperiment,
  completeFold,
  createDatasetVersion,
  createExperiment,
  dispatchOutbox,
  getExperiment,
  insertToken,
  registerSession,
} from '@baton/core'
import type { Assemble, BlendExperiments, BlobStore, Caller, CheckFold, LeaseTimes } from '@baton/core'
import { openDatabase } from '@baton/db'
import type { Database } from '@baton/db'
import { assemble, blendExperiments, checkFold, samplesOf, splitFolds } from '@baton/evaluation'
import type { Near } from '@baton/evaluation'
import { encode } from '@baton/safetensors'
import { createTestDatabase, runSql } from './database.ts'
import { memoryBlobs } from './memory-blobs.ts'
import { memoryQueue } from './memory-queue.ts'
import type { MemoryQueue } from './memory-queue.ts'

/** Everything a test of the verbs stands on: a database, objects and a queue in memory, a project with a dataset. */
export interface World {
  readonly store: Database
  readonly databaseUrl: string
  readonly blobs: ReturnType<typeof memoryBlobs>
  readonly queue: MemoryQueue
  readonly times: LeaseTimes
  readonly manifest: DatasetManifest
  readonly assemble: Assemble
  readonly checkFold: CheckFold
  readonly blend: BlendExperiments
  readonly random: () => number
  readonly now: () => number
  /** Ends it, and removes its database. */
  readonly close: () => Promise<void>
}

/** Builds a world on a database of its own. */
export async function createWorld(): Promise<World> {
  const database = await createTestDatabase()
  const store = openDatabase({ url: database.url })
  const blobs = memoryBlobs()
  const manifest = await aManifest(blobs)
  await store.projects.insert({ slug: 'emoji', name: 'Emoji' })
  const { digest } = await blobs.write(bytesOf(manifest))
  const world: World = {
    store,
    databaseUrl: database.url,
    blobs,
    queue: memoryQueue(),
    times: { leaseSeconds: 60, heartbeatSeconds: 15 },
    manifest,
    assemble: async (input) => assemble(input),
    checkFold: async (input) => checkFold(input),
    blend: async (input) => blendExperiments(input),
    random: () => 0,
    now: () => 0,
    close: async () => {
      await store.close()
      await database.drop()
    },
  }
  await createDatasetVersion(world, { project: 'emoji', name: 'emoji', manifest: digest })
  return world
}

/** A spec of two folds that fits the world's dataset. */
export function aSpec(changes: Record<string, unknown> = {}): ExperimentSpec {
  return ExperimentSpec.parse({
    name: 'test',
    dataset: 'emoji',
    folds: { count: 2 },
    model: { name: 'convnet' },
    image: { size: 8 },
    stages: [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.001 } }],
    ...changes,
  })
}

/** An accepted experiment whose offers wait in the queue. */
export async function anExperiment(world: World, changes: Record<string, unknown> = {}): Promise<Experiment> {
  const experiment = await createExperiment(world, { project: 'emoji', spec: aSpec(changes) })
  await dispatchOutbox(world)
  return experiment
}

/** A registered session's id. */
export async function aSession(world: World, name = 'session', project: Caller['project'] = null): Promise<string> {
  const enrolment = { name: 'enrolment', role: 'enrolment', project, validSeconds: 60 } as const
  const { id: tokenId } = await insertToken(world.store, enrolment)
  const registration = {
    name,
    provider: 'local',
    accelerator: null,
    memoryBytes: null,
    pools: ['default'],
    secondsLeft: null,
  } as const
  const session = await registerSession(world, {
    enrolment: { tokenId, project },
    registration: { ...registration, pools: ['default'] },
  })
  return session.id
}

/** What is leased to a session next. */
export async function aLease(world: World, sessionId: string): Promise<Lease> {
  await dispatchOutbox(world)
  const { lease } = await acquireLease({ ...world, offers: world.queue.offers }, { sessionId, waitMs: 0 })
  if (lease === null) throw new Error('no fold was there to lease')
  return lease
}

/** Lets the lease of a fold run out, and both services be there for long. */
export async function outliveLease({ store, databaseUrl }: World, foldId: string): Promise<void> {
  await store.presence.touch('api', 60)
  await store.presence.touch('coordinator', 60)
  await runSql(databaseUrl, `UPDATE presence SET up_since = now() - interval '1 hour'`)
  await runSql(databaseUrl, `UPDATE fold SET lease_expires_at = now() - interval '1 second' WHERE id = '${foldId}'`)
}

/** A checkpoint at a step, its objects stored. */
export async function aCheckpoint(
  world: { readonly blobs: Pick<BlobStore, 'write'> },
  lease: Lease,
  step: number,
): Promise<CheckpointManifest> {
  const weights = await world.blobs.write(new TextEncoder().encode(`weights of fold ${lease.fold} at ${step}`))
  return {
    format: 'baton.checkpoint/1',
    specDigest: lease.specDigest,
    fold: lease.fold,
    position: { step, stage: 0, stageStep: step, epoch: 0 },
    state: LoopState.parse({ best: null, evaluationsWithoutGain: 0, stoppedEarly: false, trained: false }),
    environment: {
      backend: 'cpu',
      tensorflow: 'none',
      device: 'cpu',
      intraOpThreads: 1,
      interOpThreads: 1,
      oneDnn: false,
      precision: 'fp32',
      execution: 'compiled',
    },
    files: [{ name: 'weights', ...weights }],
  }
}

/** Right predictions of a leased fold, but for its first `missed` samples, and weights, stored. */
export async function aResult(
  world: Pick<World, 'manifest'> & { readonly blobs: Pick<BlobStore, 'write'> },
  lease: Lease,
  { missed = 0 }: { missed?: number } = {},
): Promise<FoldResult> {
  const { blobs } = world
  const manifest = ofLabelGroups(world.manifest, lease.spec.labels)
  const labels = labelsOf(manifest).length
  const foldOf = splitFolds(world.manifest, lease.spec.folds, lease.spec.seed)
  const right = (index: number, label: number): number => (manifest.samples[index]!.labels.includes(label) ? 0.9 : 0)
  const validated = samplesOf(manifest, 'train').filter((index) => foldOf[index] === lease.fold)
  // Nobody knows what is right: numbers that differ by sample, label and fold.
  const guessed = (index: number, label: number) => ((index * 5 + label * 7 + lease.fold * 3) % 11) / 11
  const table = (sample: Int32Array, probabilityOf: typeof right) => {
    const cells = Float32Array.from({ length: sample.length * labels }, (_, i) =>
      probabilityOf(sample[Math.floor(i / labels)]!, i % labels),
    )
    // What neighbours say is as right as what the model does.
    const near = { vote: cells, distance: Float32Array.from(sample, (index) => (index % 5) / 10) }
    return blobs.write(encodePredictions(sample, cells, lease.spec.knn === null ? undefined : near))
  }
  return {
    oof: await table(validated, (index, label) =>
      validated.indexOf(index) < missed ? 0.9 - right(index, label) : right(index, label),
    ),
    test: await table(samplesOf(manifest, 'test'), guessed),
    weights: await blobs.write(new TextEncoder().encode('final weights')),
  }
}

/** An experiment whose folds all completed, with its scores. */
export async function aCompletedExperiment(world: World, changes: Record<string, unknown> = {}): Promise<Experiment> {
  const { version, folds, id } = await anExperiment(world, changes)
  const sessionId = await aSession(world)
  for (const _ of folds) {
    const lease = await aLease(world, sessionId)
    const result = await aResult(world, lease)
    await completeFold(world, { foldId: lease.foldId, fence: lease.fence, sessionId, step: 9, result })
  }
  await assembleExperiment(world, { experimentId: id })
  return getExperiment(world, { project: 'emoji', version })
}

/** Predictions as a worker uploads them. */
export function encodePredictions(sample: Int32Array, probability: Float32Array, near?: Near): Uint8Array {
  return encode(
    new Map([
      ['sample', { shape: [sample.length], data: sample }],
      ['probability', { shape: [sample.length, probability.length / sample.length], data: probability }],
      ...(near === undefined
        ? []
        : ([
            ['vote', { shape: [sample.length, near.vote.length / sample.length], data: near.vote }],
            ['distance', { shape: [sample.length], data: near.distance }],
          ] as const)),
    ]),
  )
}

/** A dataset of 20 train and 4 test samples in two label groups, its shard stored; its manifest is not. */
export async function aManifest(blobs: Pick<BlobStore, 'write'>): Promise<DatasetManifest> {
  const count = 24
  const shard = await blobs.write(new Uint8Array(count * 16).fill(1))
  const pixel = createHash('sha256').update(new Uint8Array(16).fill(1)).digest('hex')
  return {
    format: 'baton.dataset/1',
    labelGroups: [
      { name: 'category', labels: ['a', 'b', 'c'] },
      { name: 'tag', labels: ['x', 'y'] },
    ],
    shards: [shard],
    samples: Array.from({ length: count }, (_, i) => ({
      id: `s${i}`,
      split: i < 20 ? ('train' as const) : ('test' as const),
      group: null,
      labels: i < 20 ? [i % 3, 3 + (i % 2)] : [],
      shard: 0,
      offset: i * 16,
      length: 16,
      digest: pixel,
    })),
    licences: [],
  }
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
