import { link, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeRoom } from './make-room.ts'

let cacheDir: string

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'baton-room-'))
  await mkdir(join(cacheDir, 'blobs'))
})
afterEach(() => rm(cacheDir, { recursive: true }))

/** An object of 100 bytes in the cache. */
async function cached(name: string, usedAt: number) {
  const path = join(cacheDir, 'blobs', name)
  await writeFile(path, new Uint8Array(100))
  await utimes(path, usedAt, usedAt)
  return { path, blob: { digest: name, sizeBytes: 100 } }
}

const inCache = async () => (await readdir(join(cacheDir, 'blobs'))).toSorted()
const missing = (sizeBytes: number) => ({ digest: 'missing', sizeBytes })
/** What is left for data on a disk with so much free. */
const room = (bytes: number) => ({ cacheDir, freeBytes: () => Promise.resolve(256e6 + bytes) })

test('what fits beside all that is cached removes nothing', async () => {
  const { blob } = await cached('a', 1)
  await makeRoom({ ...room(50), blobs: [missing(50), blob] })
  expect(await inCache()).toEqual(['a'])
})

test('what is cached needs no room', async () => {
  const { blob } = await cached('a', 1)
  await makeRoom({ ...room(-256e6), blobs: [blob, blob] })
  expect(await inCache()).toEqual(['a'])
})

test('where there is too little room, what nobody uses makes place, used longest ago first', async () => {
  const wanted = await cached('wanted', 1)
  const linked = await cached('linked', 2)
  await link(linked.path, join(cacheDir, 'of-a-fold'))
  for (const [name, usedAt] of [['new', 5], ['older', 3], ['old', 4]] as const) await cached(name, usedAt) // prettier-ignore
  await makeRoom({ ...room(0), blobs: [wanted.blob, missing(150)] })
  expect(await inCache()).toEqual(['linked', 'new', 'wanted'])
})

test('where even that is not enough, it says what is needed and what there is, and removes nothing', async () => {
  await cached('a', 1)
  await expect(makeRoom({ ...room(50), blobs: [missing(2e9)] })).rejects.toMatchObject({
    code: 'disk-full',
    message: `${cacheDir} has 0.3 GB of room for data; 2.3 GB are needed`,
    facts: { folder: cacheDir, neededBytes: 2_256_000_000, freeBytes: 256_000_150 },
  })
  expect(await inCache()).toEqual(['a'])
})

test('the room of a real disk is known', async () => {
  await makeRoom({ cacheDir, blobs: [missing(1)] })
  await expect(makeRoom({ cacheDir, blobs: [missing(Number.MAX_SAFE_INTEGER)] })).rejects.toMatchObject({
    code: 'disk-full',
  })
})
