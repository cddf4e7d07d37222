import { createHash, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Tools } from '../apps/worker/src/retry-policy.ts'
import { openBlobCache } from '../apps/worker/src/transfer/blob-cache.ts'
import { pullShards } from '../apps/worker/src/transfer/pull-shards.ts'
import type { ShardPiece } from '../apps/worker/src/transfer/shard-piece.ts'
import type { Figure, Run } from './figure.ts'

/** Of the link: a home's or a notebook's, where waiting for a dataset is felt. */
const bytesPerSecond = 25e6
const shardBytes = 32 * 2 ** 20
const shardCount = 4
const sampleBytes = 100_000
const batchSamples = 64

interface EarlyStart {
  readonly tools: Tools
  readonly folder: string
  readonly repetitions: number
  readonly say: Run['say']
}

/**
 * How long a fold waits for its first batch, when it starts before its dataset is here, and how long for all of it: a
 * batch of samples from anywhere in the shards, from a server that sends so much a second over all its connections.
 */
export async function measureEarlyStart({ tools, folder, repetitions, say }: EarlyStart): Promise<Figure[]> {
  const shards = Array.from({ length: shardCount }, () => randomFillSync(Buffer.allocUnsafe(shardBytes)))
  const server = await startSlowServer(shards)
  const [first, all]: number[][] = [[], []]
  try {
    for (let i = 0; i < repetitions; i++) {
      const took = await start(tools, shards, server.url, await mkdtemp(path.join(folder, 'early-')), i)
      first!.push(took.first)
      all!.push(took.all)
      say(
        `early start, ${i + 1} of ${repetitions}: first batch ${took.first.toFixed(2)} s, all ${took.all.toFixed(1)} s`,
      )
    }
  } finally {
    server.close()
  }
  const what = `${(shardCount * shardBytes) / 2 ** 20} MiB at ${bytesPerSecond / 1e6} MB/s`
  return [
    { name: `${what}: begin to first batch of ${batchSamples} samples of 100 kB`, unit: 's', values: first! },
    { name: `${what}: begin to all shards`, unit: 's', values: all! },
  ]
}

/** Seconds from the pull's begin. */
async function start(tools: Tools, shards: readonly Buffer[], url: string, folder: string, seed: number) {
  const into = path.join(folder, 'blobs')
  await mkdir(into)
  const cache = await openBlobCache(path.join(folder, 'cache'))
  const blobs = shards.map((bytes) => ({ digest: digestOf(bytes), sizeBytes: bytes.length }))
  const batch = drawBatch(shards, seed)
  const addresses = { of: (digest: string) => Promise.resolve(`${url}/${digest}`), forget: () => undefined }
  const { signal } = new AbortController()
  const startMs = performance.now()
  const seconds = () => (performance.now() - startMs) / 1000
  const pull = pullShards(tools, {
    shards: blobs,
    cache,
    into,
    aheadDir: path.join(folder, 'ahead'),
    addresses,
    signal,
  })
  await Promise.all(batch.map((pieces, shard) => pull.find(shard, pieces)))
  const first = seconds()
  await pull.done
  const all = seconds()
  for (const [i, { digest }] of blobs.entries())
    if (!shards[i]!.equals(await readFile(path.join(into, digest)))) throw new Error('a shard came damaged')
  await rm(folder, { recursive: true })
  return { first, all }
}

/** Samples by their shard; another batch each time. */
function drawBatch(shards: readonly Buffer[], seed: number): ShardPiece[][] {
  const places = Math.floor(shardBytes / sampleBytes)
  return shards.map((bytes, shard) =>
    Array.from({ length: batchSamples / shardCount }, (_, i) => {
      // 97 and 31 share no factor with the number of places: no place comes twice.
      const offset = (((i + seed) * 97 + shard * 31) % places) * sampleBytes
      return { offset, length: sampleBytes, digest: digestOf(bytes.subarray(offset, offset + sampleBytes)) }
    }),
  )
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Ranges of objects by their digests. All connections share the link, a piece of each in turn. */
async function startSlowServer(objects: readonly Buffer[]): Promise<{ url: string; close: () => void }> {
  const byName = new Map(objects.map((bytes) => [`/${digestOf(bytes)}`, bytes]))
  const turnBytes = 16 * 2 ** 10
  let freeAtMs = 0
  const turn = async (bytes: number) => {
    freeAtMs = Math.max(performance.now(), freeAtMs) + (1000 * bytes) / bytesPerSecond
    await delay(freeAtMs - performance.now())
  }
  const server = createServer((request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!
    const bytes = byName.get(request.url!)!.subarray(Number(first), Number(last) + 1)
    response.writeHead(206, { 'content-length': bytes.length })
    void (async () => {
      for (let at = 0; at < bytes.length && !response.destroyed; at += turnBytes) {
        const some = bytes.subarray(at, at + turnBytes)
        await turn(some.length)
        response.write(some)
      }
      response.end()
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}
