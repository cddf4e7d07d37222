import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { allPages, createClient } from '@baton/contracts'
import type { Blob, Client, DatasetManifest, ExperimentSpecInput, Lease, Upload } from '@baton/contracts'
import { splitFolds } from '@baton/evaluation'
import { encode } from '@baton/safetensors'
import { createTestDatabase, describeWithRedis, freePort, startFakeTelegram, startRedis } from '@baton/testing'
import type { FakeTelegram } from '@baton/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { credentials, region } from '../support/s3-credentials.ts'
import { startS3Server } from '../support/s3-server.ts'
import { findVersitygw, startVersitygw } from '../support/s3-versitygw.ts'
import { startService } from '../support/service-process.ts'
import type { ServiceProcess } from '../support/service-process.ts'

const ownerToken = 'owner-of-the-replicas'
const telegramToken = '4711:replicas'
const chat = 42
const project = 'replicas'
/** Waits for what other processes do in seconds; a busy machine may take longer. */
const soon = { timeout: 90_000, interval: 100 }

const closers: (() => unknown)[] = []
let folder: string
let telegram: FakeTelegram
let first: ServiceProcess
let second: ServiceProcess
let coordinator: ServiceProcess
let bot: ServiceProcess
/** Clients of the two replicas. */
let one: Client
let two: Client
let oneUrl: string
let twoUrl: string

/** What compose.yaml starts, as processes: the same commands, health checks and variables, without containers. */
describeWithRedis('two apis, coordinator and bot on PostgreSQL, Redis and S3', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'baton-replicas-'))
    closers.unshift(() => rmSync(folder, { recursive: true, force: true }))
    // Empty: the services migrate it, all at once.
    const database = await createTestDatabase({ empty: true })
    closers.unshift(database.drop)
    const redis = await startRedis()
    closers.unshift(redis.stop)
    telegram = await startFakeTelegram({ token: telegramToken })
    closers.unshift(() => telegram.close())
    const common = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      S3_ENDPOINT: await startStore(),
      S3_REGION: region,
      S3_ACCESS_KEY_ID: credentials.accessKeyId,
      S3_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      BATON_HOST: '127.0.0.1',
      BATON_OWNER_TOKEN: ownerToken,
    }
    const start = (app: 'api' | 'coordinator' | 'bot', env: Record<string, string>) => {
      const service = startService(app, { ...common, BATON_ALIVE_FILE: path.join(folder, randomUUID()), ...env })
      closers.unshift(service.kill)
      return service
    }
    const ports = [await freePort(), await freePort()]
    ;[oneUrl, twoUrl] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string]
    first = start('api', { BATON_PORT: String(ports[0]) })
    second = start('api', { BATON_PORT: String(ports[1]) })
    coordinator = start('coordinator', {})
    const telegramEnv = { BATON_TELEGRAM_TOKEN: telegramToken, BATON_TELEGRAM_API_ROOT: telegram.url }
    bot = start('bot', { ...telegramEnv, BATON_URL: oneUrl })
    await Promise.all([
      first.logged('api listens'),
      second.logged('api listens'),
      coordinator.logged('coordinator runs'),
      bot.logged('telegram is connected'),
    ])
    one = createClient({ url: oneUrl, token: ownerToken })
    two = createClient({ url: twoUrl, token: ownerToken })
  })
  afterAll(async () => {
    for (const close of closers) await close()
  })

  test('each says that it is well, as its image asks it', async () => {
    for (const service of [first, second, coordinator, bot])
      await vi.waitFor(async () => expect(await service.isWell()).toBe(true), soon)
  })

  test('an experiment posted to one replica is trained through the other and told by the bot', async () => {
    const { code } = await one.createPairing()
    await telegram.user.text(chat, `/start ${code}`)
    await telegram.sent(1)
    const manifest = await createDataset()
    const post = (client: Client) =>
      client.createExperiment({ params: { project }, body: spec }, { idempotencyKey: 'the-same-at-each' })
    const experiment = await post(one)
    expect(await post(two)).toEqual(experiment)

    const { session, worker, atOne } = await enrol('scripted')
    for (let trained = 0; trained < experiment.foldsTotal; trained++) {
      const lease = await nextLease(worker, session)
      const params = { fold: lease.foldId }
      expect(await atOne.heartbeat({ params, body: { fence: lease.fence } })).toMatchObject({ command: null })
      const result = await resultOf(lease, manifest, worker)
      await worker.completeFold({ params, body: { fence: lease.fence, step: 1, result } })
    }

    const row = await vi.waitFor(async () => {
      const { items } = await one.getLeaderboard({ params: { project }, query: {} })
      expect(items).toHaveLength(1)
      return items[0]!
    }, soon)
    // The predictions are right for all samples but one of twenty, which scores 0.
    expect(row).toMatchObject({ version: experiment.version, cv: expect.closeTo(0.95, 6) as number })
    const told = await telegram.message(({ text }) => text.includes('0.95'))
    expect(told.text).toContain(spec.name)
  })

  test('SIGTERM answers the long poll under way and ends each process with 0', async () => {
    const { session, worker } = await enrol('waiting')
    const lastSeen = async () => (await allPages(one.listSessions, {})).find(({ id }) => id === session)!.lastSeenAt
    const registered = await lastSeen()
    const poll = worker.acquireLease({ params: { session }, body: { waitSeconds: 30 } })
    await vi.waitFor(async () => expect(await lastSeen()).not.toBe(registered), soon)

    expect(await second.stop()).toEqual({ code: 0, signal: null })
    expect(await poll).toEqual({ lease: null, command: null })
    expect(await second.isWell()).toBe(false)
    // The other replica and the services are none the worse for it.
    expect(await first.isWell()).toBe(true)

    for (const service of [bot, coordinator, first]) expect(await service.stop()).toEqual({ code: 0, signal: null })
    for (const { log } of [first, second, coordinator, bot]) {
      const end = log.slice(log.findIndex(({ msg }) => msg === 'stopping'))
      expect(end.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
    }
  })
})

const labels = ['a', 'b', 'c']
const trainSamples = 20
const spec: ExperimentSpecInput = {
  name: 'over two replicas',
  dataset: 'pixels',
  folds: { count: 2 },
  model: { name: 'convnet' },
  image: { size: 8 },
  stages: [{ name: 'all', epochs: 1, schedule: { name: 'constant', lr: 0.001 } }],
}

async function startStore(): Promise<string> {
  const versitygw = findVersitygw()
  if (versitygw !== null) {
    const server = await startVersitygw(versitygw, folder)
    closers.unshift(() => server.close())
    return server.url
  }
  const database = await createTestDatabase()
  closers.unshift(database.drop)
  const server = await startS3Server(database.url, path.join(folder, 'objects'))
  closers.unshift(server.close)
  return server.url
}

const describeBytes = (bytes: Uint8Array): Blob => ({
  digest: createHash('sha256').update(bytes).digest('hex'),
  sizeBytes: bytes.byteLength,
})

/** Uploads to where the api says, as workers and `baton` do. */
async function put(
  objects: readonly Uint8Array[],
  grant: (blobs: Blob[]) => Promise<{ items: Upload[] }>,
): Promise<Blob[]> {
  const blobs = objects.map(describeBytes)
  const { items } = await grant(blobs)
  for (const { digest, put } of items) {
    const body = objects[blobs.findIndex((blob) => blob.digest === digest)]
    if (put === null || body === undefined) continue
    const response = await fetch(put.url, { method: 'PUT', headers: put.headers, body: Buffer.from(body) })
    expect(response.status).toBe(200)
  }
  return blobs
}

async function createDataset(): Promise<DatasetManifest> {
  await one.createProject({ body: { slug: project, name: 'Replicas' } })
  const upload = (objects: Uint8Array[]) =>
    put(objects, (blobs) => two.createUploads({ params: { project }, body: { blobs } }))
  const pixel = new Uint8Array(16).fill(1)
  const shard = new Uint8Array((trainSamples + 4) * pixel.length).fill(1)
  const manifest: DatasetManifest = {
    format: 'baton.dataset/1',
    labelGroups: [{ name: 'all', labels }],
    shards: await upload([shard]),
    samples: Array.from({ length: trainSamples + 4 }, (_, i) => ({
      id: `s${i}`,
      split: i < trainSamples ? ('train' as const) : ('test' as const),
      group: null,
      labels: i < trainSamples ? [i % labels.length] : [],
      shard: 0,
      offset: i * pixel.length,
      length: pixel.length,
      digest: describeBytes(pixel).digest,
    })),
    licences: [],
  }
  const [stored] = await upload([Buffer.from(JSON.stringify(manifest))])
  await one.createDatasetVersion({ params: { project }, body: { name: spec.dataset, manifest: stored!.digest } })
  return manifest
}

/** A session that registers with, and speaks to, the second replica; `atOne` says it to the first. */
async function enrol(name: string): Promise<{ session: string; worker: Client; atOne: Client }> {
  const enrolment = await one.createEnrolment({ body: {} })
  const enrolling = createClient({ url: twoUrl, token: enrolment.token })
  const { id, token } = await enrolling.registerSession({ body: { name, provider: 'container' } })
  return { session: id, worker: createClient({ url: twoUrl, token }), atOne: createClient({ url: oneUrl, token }) }
}

async function nextLease(worker: Client, session: string): Promise<Lease> {
  const { lease } = await worker.acquireLease({ params: { session }, body: { waitSeconds: 30 } })
  if (lease === null) throw new Error('no fold came in 30 seconds')
  return lease
}

/** Out-of-fold predictions that are right for every sample but the first of all, and test predictions. */
async function resultOf(lease: Lease, manifest: DatasetManifest, worker: Client) {
  const foldOf = splitFolds(manifest, lease.spec.folds, lease.spec.seed)
  const oof = [...foldOf.keys()].filter((sample) => foldOf[sample] === lease.fold)
  const test = [...manifest.samples.keys()].filter((sample) => sample >= trainSamples)
  const files = [table(manifest, oof), table(manifest, test), Buffer.from(`weights of fold ${lease.fold}`)]
  const grant = (blobs: Blob[]) =>
    worker.createFoldUploads({ params: { fold: lease.foldId }, body: { fence: lease.fence, blobs } })
  const [oofBlob, testBlob, weights] = await put(files, grant)
  return { oof: oofBlob!, test: testBlob!, weights: weights! }
}

function table(manifest: DatasetManifest, samples: readonly number[]): Uint8Array {
  const probability = new Float32Array(samples.length * labels.length)
  samples.forEach((sample, row) => {
    const right = manifest.samples[sample]!.labels[0] ?? 0
    probability[row * labels.length + (sample === 0 ? right + 1 : right)] = 0.9
  })
  return encode(
    new Map([
      ['sample', { shape: [samples.length], data: Int32Array.from(samples) }],
      ['probability', { shape: [samples.length, labels.length], data: probability }],
    ]),
  )
}
