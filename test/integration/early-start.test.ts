import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { Blob, DatasetManifest, ExperimentSpecInput } from '@baton/contracts'
import { buildEmojiDataset, readDataset } from '@baton/dataset'
import { createLog } from '@baton/log'
import { s3BlobStore } from '@baton/storage'
import type { S3BlobStore } from '@baton/storage'
import { defaultCacheDir, prepareTensorflow } from '@baton/tensorflow'
import { runSession } from '@baton/worker'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startFakeApi } from '../support/fake-api.ts'
import type { FakeApi, FakeFold } from '../support/fake-api.ts'
import { credentials, region } from '../support/s3-credentials.ts'
import { startProxy } from '../support/s3-proxy.ts'
import { openS3World } from '../support/s3-world.ts'
import type { S3World } from '../support/s3-world.ts'
import { sessionSettings } from '../support/session-settings.ts'

/** The training child that ships. */
const trainEntry = new URL('../../apps/worker/src/train.ts', import.meta.url)

let world: S3World
let proxy: Awaited<ReturnType<typeof startProxy>>
let store: S3BlobStore
let api: FakeApi
let dir: string
let dataset: { manifest: Blob; shards: Blob[] } = { manifest: { digest: '', sizeBytes: 0 }, shards: [] }
/** What storage was asked for of the shards, in order. */
let asked: { digest: string; start: number; end: number }[]
/** Lets a request for a whole shard through once it resolves. */
let hold: (digest: string) => Promise<void>

beforeAll(async () => {
  await prepareTensorflow()
  world = await openS3World()
  proxy = await startProxy(world.server.url, async (request) => {
    const range = rangeOf(request)
    const shard = dataset.shards.find(({ digest }) => request.url!.includes(digest))
    if (request.method !== 'GET' || !range || !shard) return
    asked.push({ digest: shard.digest, ...range })
    if (range.end - range.start === shard.sizeBytes) await hold(shard.digest)
  })
  store = s3BlobStore({ endpoint: world.server.url, publicEndpoint: proxy.url, region, bucket: 'early', credentials })
  await store.ensureBucket()
  const isShard = (digest: string) => dataset.shards.some((shard) => shard.digest === digest)
  api = await startFakeApi({
    elsewhere: (digest) => (isShard(digest) ? store.presignGet(digest, { expiresSeconds: 3600 }) : null),
  })
  dir = mkdtempSync(path.join(tmpdir(), 'baton-early-'))
  dataset = await uploadDataset()
})

afterAll(async () => {
  await api.close()
  store.close()
  proxy.close()
  await world.close()
  rmSync(dir, { recursive: true })
})

beforeEach(() => {
  asked = []
  hold = () => Promise.resolve()
})

function rangeOf({ headers }: IncomingMessage): { start: number; end: number } | null {
  const match = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
  return match && { start: Number(match[1]), end: Number(match[2]) + 1 }
}

/** As in a tar file: bytes that are no sample's. */
const shardEnd = Buffer.alloc(1024)

/** A hundred pictures in four shards: neighbours in the list lie in different ones. */
async function uploadDataset() {
  const out = path.join(dir, 'emoji')
  await buildEmojiDataset({ out, size: 16, limit: 100 })
  const { manifest, shards } = await readDataset(out)
  const all = readFileSync(shards[0]!)
  const parts: Buffer[][] = [[], [], [], []]
  const samples = manifest.samples.map((sample, i) => {
    const part = parts[i % parts.length]!
    const offset = part.reduce((sum, bytes) => sum + bytes.length, 0)
    part.push(all.subarray(sample.offset, sample.offset + sample.length))
    return { ...sample, shard: i % parts.length, offset }
  })
  const stored = await Promise.all(parts.map((part) => store.write(Buffer.concat([...part, shardEnd]))))
  const inParts: DatasetManifest = { ...manifest, shards: stored, samples }
  return { manifest: api.addBlob(Buffer.from(JSON.stringify(inParts))), shards: stored }
}

const spec: Partial<ExperimentSpecInput> = {
  model: { name: 'convnet', width: 4, blocks: 1 },
  image: { size: 16 },
  augment: [{ op: 'flip' }],
  stages: [{ name: 'all', epochs: 10, batch: 4, schedule: { name: 'cosine', lr: 0.01 } }],
  evaluate: { everyEpochs: 10 },
}

/** A session with a cache of its own, but for TensorFlow, which takes minutes to fetch. */
function startSession(cache: string) {
  const cacheDir = path.join(dir, cache)
  const stop = new AbortController()
  const lines: string[] = []
  const ended = runSession({
    ...sessionSettings(api),
    cacheDir,
    trainEntry,
    log: createLog({ app: 'worker', level: 'info', destination: { write: (line) => void lines.push(line) } }),
    stop: stop.signal,
  })
  return { ended, stop: () => stop.abort(), lines }
}

function makeCache(name: string): string {
  const cacheDir = mkdtempSync(path.join(dir, `${name}-`))
  symlinkSync(path.join(defaultCacheDir(), 'tensorflow'), path.join(cacheDir, 'tensorflow'))
  return path.basename(cacheDir)
}

const hasStepped = (fold: FakeFold) => (fold.progress?.step ?? 0) > 0
const wholes = () => asked.filter(({ digest, start, end }) => end - start === sizeOf(digest))
const pieces = () => asked.filter(({ digest, start, end }) => end - start < sizeOf(digest))
const sizeOf = (digest: string) => dataset.shards.find((shard) => shard.digest === digest)!.sizeBytes

test('a fold steps before a shard is whole, is handed over, goes on, and ends with the bytes of one that waited for all', async () => {
  const early = api.addFold({ ...dataset, spec })
  const cache = makeCache('early')
  const held = dataset.shards[3]!.digest
  hold = (digest) => (digest === held ? new Promise(() => undefined) : Promise.resolve())
  const first = startSession(cache)
  await api.until(() => hasStepped(early))
  first.stop()
  expect((await first.ended).folds).toMatchObject([{ end: { kind: 'handed-over' } }])
  expect(early.checkpoint!.manifest.position.step).toBeGreaterThan(0)
  expect(pieces().some(({ digest }) => digest === held)).toBe(true)
  expect(readdirSync(path.join(dir, cache, 'blobs'))).not.toContain(held)
  const twice = pieces().map((piece) => JSON.stringify(piece))
  expect(new Set(twice).size).toBe(twice.length)

  // The next session finds the other shards, and pulls what is missing.
  asked = []
  hold = () => Promise.resolve()
  const second = startSession(cache)
  expect((await second.ended).folds).toMatchObject([{ end: { kind: 'completed' } }])
  expect(wholes().map(({ digest }) => digest)).toEqual([held])

  const waited = api.addFold({ ...dataset, spec })
  asked = []
  expect((await startSession(cache).ended).folds).toMatchObject([{ end: { kind: 'completed' } }])
  expect(asked).toEqual([])
  expect(early.attempts).toEqual(['handed_over', 'completed'])
  expect(early.result).toEqual(waited.result)
  expect(api.refusals).toEqual([])
})

test('a fold whose shard proves damaged fails, though no sample of it is', async () => {
  const { digest, sizeBytes } = dataset.shards[1]!
  const bytes = Buffer.from(await store.read(digest, { maxBytes: sizeBytes }))
  bytes[sizeBytes - 1] = 1
  await world.client.send(new PutObjectCommand({ Bucket: 'early', Key: digest, Body: bytes }))
  const fold = api.addFold({ ...dataset, spec })
  hold = () => api.until(() => hasStepped(fold))
  const session = startSession(makeCache('damaged'))
  expect((await session.ended).folds).toMatchObject([{ end: { kind: 'failed', code: 'digest-mismatch' } }])
  expect(fold).toMatchObject({ status: 'failed', failure: { code: 'digest-mismatch' }, result: null })
  expect(fold.failure!.step).toBeGreaterThan(0)
})
