import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@baton/contracts'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openBlobCache } from './blob-cache.ts'

let dir: string
let into: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-cache-'))
  into = join(dir, 'fold')
  await mkdir(into)
})
afterEach(() => rm(dir, { recursive: true }))

function object(text: string) {
  const digest = createHash('sha256').update(text).digest('hex')
  const download = vi.fn((path: string, _begun: string | null) => writeFile(path, text))
  return { blob: { digest, sizeBytes: text.length }, download, cached: join(dir, 'blobs', digest) }
}

async function anotherFold(): Promise<string> {
  return mkdtemp(join(dir, 'fold-'))
}

test('an object is downloaded once', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download } = object('shard')
  expect(await readFile(await cache.pull(blob, into, download), 'utf8')).toBe('shard')
  expect(await readFile(await cache.pull(blob, await anotherFold(), download), 'utf8')).toBe('shard')
  expect(download).toHaveBeenCalledTimes(1)
})

test('a cached file of the wrong size is downloaded anew', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download, cached } = object('shard')
  await writeFile(cached, 'shar')
  expect(await readFile(await cache.pull(blob, into, download), 'utf8')).toBe('shard')
  expect(await readFile(cached, 'utf8')).toBe('shard')
})

test('evicting takes what was used longest ago, and nothing from who uses it', async () => {
  const cache = await openBlobCache(dir)
  const [first, second, third] = [object('first'), object('secnd'), object('third')]
  const path = await cache.pull(first.blob, into, first.download)
  for (const { blob, download } of [second, third]) await cache.pull(blob, into, download)
  const [old, older] = [new Date(2000), new Date(1000)]
  await utimes(second.cached, older, older)
  await utimes(first.cached, old, old)
  await cache.evict(5)
  expect(await readdir(join(dir, 'blobs'))).toEqual([third.blob.digest])
  expect(await readFile(path, 'utf8')).toBe('first')
})

test('using an object makes it young again', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download, cached } = object('shard')
  await cache.pull(blob, into, download)
  await utimes(cached, new Date(1000), new Date(1000))
  await cache.pull(blob, await anotherFold(), download)
  expect((await stat(cached)).mtimeMs).toBeGreaterThan(1_000_000)
})

test('bytes damaged once are asked for again; damaged twice they are refused, and leave nothing', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download } = object('shard')
  const damaged = new AppError('digest-mismatch')
  download.mockRejectedValueOnce(damaged)
  await cache.pull(blob, into, download)
  const other = object('other')
  other.download.mockRejectedValue(damaged)
  await expect(cache.pull(other.blob, into, other.download)).rejects.toMatchObject({ code: 'digest-mismatch' })
  expect(await readdir(join(dir, 'blobs'))).toEqual([blob.digest])
  expect(await readdir(join(dir, 'parts'))).toEqual([])
})

test('what a killed session left half-written is removed after a day', async () => {
  const cache = await openBlobCache(dir)
  const part = join(dir, 'parts', 'half')
  await writeFile(part, 'sha')
  await cache.evict(1000)
  expect(await readdir(join(dir, 'parts'))).toEqual(['half'])
  await utimes(part, new Date(1000), new Date(1000))
  await cache.evict(1000)
  expect(await readdir(join(dir, 'parts'))).toEqual([])
})

test('a file from before this machine started is used only if it has its digest still', async () => {
  const [whole, torn] = [object('whole'), object('to be torn')]
  const before = await openBlobCache(dir)
  for (const { blob, download } of [whole, torn]) await before.pull(blob, into, download)
  // As a file system may leave what had not reached the disk when the power went.
  await rm(join(into, torn.blob.digest))
  await writeFile(torn.cached, Buffer.alloc(torn.blob.sizeBytes))
  const restarted = await openBlobCache(dir, Date.now() + 1000)
  const fold = await anotherFold()
  for (const { blob, download } of [whole, torn]) await restarted.pull(blob, fold, download)
  expect(await readFile(join(fold, torn.blob.digest), 'utf8')).toBe('to be torn')
  expect(await readFile(torn.cached, 'utf8')).toBe('to be torn')
  expect([whole, torn].map(({ download }) => download.mock.calls.length)).toEqual([1, 2])
})

test('an object that was taken over is not downloaded', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download } = object('shard')
  const path = join(into, 'made here')
  await writeFile(path, 'shard')
  await cache.adopt(blob, path)
  expect(await readdir(into)).toEqual([])
  expect(await readFile(await cache.pull(blob, into, download), 'utf8')).toBe('shard')
  expect(download).not.toHaveBeenCalled()
})

test('dropping an object takes nothing from who uses it', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download } = object('shard')
  const path = await cache.pull(blob, into, download)
  await cache.drop([blob.digest, object('never there').blob.digest])
  expect(await readdir(join(dir, 'blobs'))).toEqual([])
  expect(await readFile(path, 'utf8')).toBe('shard')
})

test('of the objects it has only damaged ones are dropped as such', async () => {
  const cache = await openBlobCache(dir)
  const [whole, damaged] = [object('whole'), object('damaged')]
  for (const { blob, download } of [whole, damaged]) await cache.pull(blob, into, download)
  const blobs = [whole.blob, damaged.blob, object('never there').blob]
  expect(await cache.dropDamaged(blobs)).toBe(false)
  await writeFile(damaged.cached, 'DAMAGED')
  expect(await cache.dropDamaged(blobs)).toBe(true)
  expect(await readdir(join(dir, 'blobs'))).toEqual([whole.blob.digest])
})

test('two folds that want an object at once have it brought once', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download } = object('shard')
  const folds = [into, await anotherFold()]
  await Promise.all(folds.map((fold) => cache.pull(blob, fold, download)))
  expect(download).toHaveBeenCalledTimes(1)
  for (const fold of folds) expect(await readFile(join(fold, blob.digest), 'utf8')).toBe('shard')
})

test('what ends the download of one fold does not end that of the other', async () => {
  const cache = await openBlobCache(dir)
  const { blob, download } = object('shard')
  let end!: (error: AppError) => void
  const lost = vi.fn(() => new Promise<void>((_resolve, reject) => (end = reject)))
  const first = cache.pull(blob, into, lost)
  await vi.waitFor(() => expect(lost).toHaveBeenCalled())
  const second = cache.pull(blob, await anotherFold(), download)
  end(new AppError('lease-lost'))
  await expect(first).rejects.toMatchObject({ code: 'lease-lost' })
  expect(await readFile(await second, 'utf8')).toBe('shard')
})
