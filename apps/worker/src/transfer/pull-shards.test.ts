import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Blob } from '@baton/contracts'
import { createLog } from '@baton/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Tools } from '../retry-policy.ts'
import type { Addresses } from './addresses.ts'
import { openBlobCache } from './blob-cache.ts'
import type { BlobCache } from './blob-cache.ts'
import { rangeBytes } from './download-blob.ts'
import { pullShards } from './pull-shards.ts'
import type { ShardPull } from './pull-shards.ts'
import type { ShardPiece } from './shard-piece.ts'

const tools: Tools = {
  clock: { now: () => 0, sleep: () => Promise.resolve() },
  random: () => 0,
  log: createLog({ app: 'test', level: 'silent' }),
}

interface Asked {
  readonly start: number
  readonly end: number
}

let dir: string
let storage: Awaited<ReturnType<typeof startStorage>>
let cache: BlobCache
let stop: AbortController

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-shards-'))
  storage = await startStorage()
  cache = await openBlobCache(join(dir, 'cache'))
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  storage.close()
  await rm(dir, { recursive: true })
})

/** Objects by digest, in ranges. Ranges of the pull, which are long, wait for `hold`. */
async function startStorage() {
  const objects = new Map<string, Buffer>()
  const asked: Asked[] = []
  const listeners = new Set<() => void>()
  const state = {
    hold: (_: Asked): Promise<void> => Promise.resolve(),
    change: (_: Asked, bytes: Buffer): Buffer => bytes,
    /** Answers that do not say how long they are. */
    isChunked: false,
  }
  const server = createServer((request, response) => {
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!
    const range = { start: Number(start), end: Number(last) + 1 }
    asked.push(range)
    listeners.forEach((look) => look())
    const bytes = objects.get(request.url!.slice(1))!.subarray(range.start, range.end)
    const answer = () => {
      const body = state.change(range, bytes)
      response.writeHead(206, state.isChunked ? {} : { 'content-length': body.length }).end(body)
    }
    void state.hold(range).then(answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const addresses: Addresses = { of: (digest) => Promise.resolve(`${url}/${digest}`), forget: () => undefined }
  return {
    state,
    asked,
    addresses,
    add(bytes: Buffer): Blob {
      const digest = digestOf(bytes)
      objects.set(digest, bytes)
      return { digest, sizeBytes: bytes.length }
    },
    /** Resolves once so many requests were made. */
    untilAsked: (times: number) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (asked.length >= times) resolve()
        }
        listeners.add(look)
        look()
      }),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const never = () => new Promise<void>(() => undefined)
const pieceBytes = 1000
const isPiece = ({ start, end }: Asked) => end - start === pieceBytes
const pieces = () => storage.asked.filter(isPiece)

/** Bytes that no other place has. */
function shardOf(sizeBytes: number, seed: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes, `shard ${seed} `)
  for (let at = 0; at + 4 <= sizeBytes; at += 500) bytes.writeUInt32LE(at, at)
  return bytes
}

function pieceOf(bytes: Buffer, offset: number): ShardPiece {
  return { offset, length: pieceBytes, digest: digestOf(bytes.subarray(offset, offset + pieceBytes)) }
}

let folds = 0
async function pull(shards: readonly Blob[], signal: AbortSignal = stop.signal): Promise<ShardPull> {
  const folder = join(dir, `fold-${folds++}`)
  const into = join(folder, 'blobs')
  await mkdir(into, { recursive: true })
  const { addresses } = storage
  return pullShards(tools, { shards, cache, into, aheadDir: join(folder, 'ahead'), addresses, signal })
}

test('pieces are read ahead of their shard, each once, and the shard is given when it is whole', async () => {
  const bytes = shardOf(50_000, 1)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  storage.state.hold = (range) => (isPiece(range) ? Promise.resolve() : held)
  const shards = await pull([storage.add(bytes)])
  const wanted = [40_000, 0, 7_000].map((offset) => pieceOf(bytes, offset))
  const [file, same] = await Promise.all([shards.find(0, wanted), shards.find(0, wanted.slice(1))])
  expect(file).toEqual({ path: expect.any(String) as string, isWhole: false })
  expect(same).toEqual(file)
  const ahead = await readFile(file.path)
  for (const { offset, length, digest } of wanted)
    expect(digestOf(ahead.subarray(offset, offset + length))).toBe(digest)
  expect(pieces()).toHaveLength(3)
  expect(shards.ahead()).toEqual({ pieces: 3, bytes: 3000 })

  release()
  await shards.done
  const whole = await shards.find(0, wanted)
  expect(whole.isWhole).toBe(true)
  expect(await readFile(whole.path)).toEqual(bytes)
  expect(pieces()).toHaveLength(3)
})

test('storage that does not say how long its answers are is read too', async () => {
  const bytes = shardOf(rangeBytes + 20_000, 9)
  storage.state.isChunked = true
  const shards = await pull([storage.add(bytes)])
  await shards.done
  const { path } = await shards.find(0, [pieceOf(bytes, 0)])
  expect(bytes.equals(await readFile(path))).toBe(true)
})

test('a piece that waits is given with its shard where that comes first', async () => {
  const bytes = shardOf(50_000, 1)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  storage.state.hold = (range) => (isPiece(range) ? never() : held)
  const shards = await pull([storage.add(bytes)])
  const found = shards.find(0, [pieceOf(bytes, 0)])
  await storage.untilAsked(2)
  release()
  expect(await found).toMatchObject({ isWhole: true })
})

test('what has arrived of a shard is not asked for again, also by another fold of the session', async () => {
  const bytes = shardOf(rangeBytes + 20_000, 2)
  storage.state.hold = ({ start }) => (start === rangeBytes ? never() : Promise.resolve())
  const blob = storage.add(bytes)
  const [first, second] = [await pull([blob]), await pull([blob])]
  // Its first range is written.
  while ((await cache.peek(blob.digest, 0, rangeBytes)) === null) await new Promise(setImmediate)
  for (const shards of [first, second]) {
    const { path, isWhole } = await shards.find(0, [pieceOf(bytes, 5000)])
    expect(isWhole).toBe(false)
    expect((await readFile(path)).subarray(5000, 6000)).toEqual(bytes.subarray(5000, 6000))
  }
  expect(storage.asked).toEqual([
    { start: 0, end: rangeBytes },
    { start: rangeBytes, end: bytes.length },
  ])
})

test('what one fold reads ahead of a shard, another of the session does not ask for again, read or on its way', async () => {
  const bytes = shardOf(50_000, 7)
  const blob = storage.add(bytes)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  storage.state.hold = ({ start, end }) =>
    end - start > pieceBytes ? never() : start === 9000 ? held : Promise.resolve()
  const [first, second] = [await pull([blob]), await pull([blob])]
  const [read, underWay] = [pieceOf(bytes, 100), pieceOf(bytes, 9000)]
  const firstFile = await first.find(0, [read])
  const both = [first, second].map((shards) => shards.find(0, [read, underWay]))
  await storage.untilAsked(3)
  release()
  for (const { path } of await Promise.all(both)) {
    const ahead = await readFile(path)
    for (const { offset, digest } of [read, underWay])
      expect(digestOf(ahead.subarray(offset, offset + 1000))).toBe(digest)
  }
  expect((await both[1]!).path).not.toBe(firstFile.path)
  expect(pieces()).toHaveLength(2)
})

test('what ends the fold that reads a piece does not end the other that waits for it', async () => {
  const bytes = shardOf(50_000, 8)
  const blob = storage.add(bytes)
  storage.state.hold = (range) => (isPiece(range) && pieces().length > 1 ? Promise.resolve() : never())
  const [first, second] = [await pull([blob]), await pull([blob], new AbortController().signal)]
  const piece = pieceOf(bytes, 100)
  void first.find(0, [piece])
  await storage.untilAsked(2)
  const found = second.find(0, [piece])
  stop.abort(new Error('handed over'))
  const { path } = await found
  expect(digestOf((await readFile(path)).subarray(100, 1100))).toBe(piece.digest)
  expect(pieces()).toHaveLength(2)
})

test('of pieces read ahead nothing is kept once their shard is whole, or the fold that read them has ended', async () => {
  const bytes = shardOf(50_000, 9)
  const blob = storage.add(bytes)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  storage.state.hold = (range) => (isPiece(range) ? Promise.resolve() : held)
  const own = new AbortController()
  const [first, second] = [await pull([blob], own.signal), await pull([blob])]
  await first.find(0, [pieceOf(bytes, 100), pieceOf(bytes, 9000)])
  await second.find(0, [pieceOf(bytes, 20_000)])
  expect(cache.ahead.size).toBe(3)
  own.abort()
  expect(cache.ahead.size).toBe(1)
  release()
  await second.done
  expect(cache.ahead.size).toBe(0)
})

test('a piece that was damaged on the way is asked for once more', async () => {
  const bytes = shardOf(50_000, 3)
  storage.state.hold = (range) => (isPiece(range) ? Promise.resolve() : never())
  storage.state.change = (_, own) => (pieces().length === 1 ? Buffer.alloc(own.length) : own)
  const shards = await pull([storage.add(bytes)])
  const { path } = await shards.find(0, [pieceOf(bytes, 100)])
  expect((await readFile(path)).subarray(100, 1100)).toEqual(bytes.subarray(100, 1100))
  expect(pieces()).toHaveLength(2)
})

test('a piece that is damaged in storage waits for its shard, whose digest ends the pull', async () => {
  const bytes = shardOf(50_000, 4)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  storage.state.hold = (range) => (isPiece(range) ? Promise.resolve() : held)
  storage.state.change = ({ start }, own) => {
    const damaged = Buffer.from(own)
    damaged[100 - start] = damaged[100 - start]! ^ 1
    return damaged
  }
  const shards = await pull([storage.add(bytes)])
  let isFound = false
  void shards.find(0, [pieceOf(bytes, 100)]).then(() => (isFound = true))
  // The whole shard, and the piece twice.
  await storage.untilAsked(3)
  release()
  await expect(shards.done).rejects.toMatchObject({ code: 'digest-mismatch' })
  expect(isFound).toBe(false)
})

test('a pull that is stopped ends without an error, and the next one takes up what had arrived', async () => {
  const bytes = shardOf(rangeBytes + 20_000, 5)
  const blob = storage.add(bytes)
  storage.state.hold = ({ start }) => (start === rangeBytes ? never() : Promise.resolve())
  const first = await pull([blob])
  while ((await cache.peek(blob.digest, 0, rangeBytes)) === null) await new Promise(setImmediate)
  stop.abort(new Error('handed over'))
  await first.done
  expect(await readdir(join(dir, 'cache', 'parts'))).toHaveLength(1)

  storage.asked.length = 0
  storage.state.hold = () => Promise.resolve()
  const second = await pull([blob], new AbortController().signal)
  await second.done
  expect(storage.asked).toEqual([{ start: rangeBytes, end: bytes.length }])
  const { path } = await second.find(0, [pieceOf(bytes, 0)])
  expect(bytes.equals(await readFile(path))).toBe(true)
})

test('a piece outside its shard is refused', async () => {
  const shards = await pull([storage.add(shardOf(5000, 6))])
  const piece = { offset: 4500, length: pieceBytes, digest: '0'.repeat(64) }
  await expect(shards.find(0, [piece])).rejects.toThrow('no such pieces')
  await expect(shards.find(1, [piece])).rejects.toThrow('no such pieces')
})
