import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@baton/contracts'
import type { Client, Lease } from '@baton/contracts'
import { createLog } from '@baton/log'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SavedCheckpoint } from '../child/messages.ts'
import { openBlobCache } from '../transfer/blob-cache.ts'
import { untraced } from './trace-fold.ts'
import { uploadCheckpoints } from './upload-checkpoints.ts'

let dir: string
let cacheDir: string
let over: AbortController

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'baton-uploads-'))
  cacheDir = await mkdtemp(join(tmpdir(), 'baton-cache-'))
  over = new AbortController()
})
afterEach(() => Promise.all([dir, cacheDir].map((folder) => rm(folder, { recursive: true }))))

/** An API that holds every object already, and commits when the test lets it. */
async function startUploads() {
  const committed: number[] = []
  const commits: { step: number; settle: (error?: AppError) => void }[] = []
  const api = {
    createFoldUploads: async ({ body }: { body: { blobs: { digest: string }[] } }) => ({
      items: body.blobs.map(({ digest }) => ({ digest, put: null })),
    }),
    recordCheckpoint: ({ body }: { body: { manifest: SavedCheckpoint['manifest'] } }) =>
      new Promise((resolve, reject) => {
        const { step } = body.manifest.position
        const settle = (error?: AppError) => {
          if (error) return reject(error)
          committed.push(step)
          resolve({ digest: 'd', step, committedAt: '' })
        }
        commits.push({ step, settle })
        over.signal.addEventListener('abort', () => reject(new Error('aborted')))
      }),
  } as unknown as Client
  const clock = { now: () => 0, sleep: () => Promise.resolve() }
  const tools = { clock, random: () => 0, log: createLog({ app: 'test', level: 'silent' }) }
  const lease = { foldId: 'f', fence: 1, checkpoint: null } as unknown as Lease
  const [onPace, onFailed] = [vi.fn(), vi.fn()]
  const cache = await openBlobCache(cacheDir)
  const input = { api, lease, signal: over.signal, trace: untraced, cache, onPace, onFailed }
  const uploads = uploadCheckpoints(tools, input)
  /** Lets the next commit end. */
  const settleNext = async (error?: AppError) => {
    await vi.waitFor(() => expect(commits.length).toBeGreaterThan(0))
    commits.shift()!.settle(error)
  }
  return { uploads, committed, commits, settleNext, onPace, onFailed }
}

async function checkpointAt(step: number): Promise<SavedCheckpoint> {
  const folder = await mkdtemp(join(dir, `${step}-`))
  const files = { weights: join(folder, 'weights'), optimizer: join(folder, 'optimizer') }
  for (const file of Object.values(files)) await writeFile(file, 'x')
  const blobs = [
    { name: 'weights', digest: `weights-${step}`, sizeBytes: 1 },
    { name: 'optimizer', digest: 'never changes', sizeBytes: 1 },
  ]
  const manifest = { position: { step }, files: blobs } as unknown as SavedCheckpoint['manifest']
  return { manifest, dir: folder, files, saveSeconds: 1 }
}

test('of those that wait only the newest is uploaded, and nothing of them stays on disk', async () => {
  const { uploads, committed, settleNext, onPace } = await startUploads()
  for (const step of [1, 2, 3]) uploads.offer(await checkpointAt(step))
  expect(uploads.isBusy()).toBe(true)
  await settleNext()
  await settleNext()
  await uploads.settled()
  expect(committed).toEqual([1, 3])
  expect(uploads.committedStep()).toBe(3)
  expect(uploads.uncommitted()).toBeNull()
  expect(uploads.isBusy()).toBe(false)
  expect(onPace).toHaveBeenCalledTimes(2)
  expect(await readdir(dir)).toEqual([])
})

test('the cache keeps what was committed last, until nobody resumes it', async () => {
  const { uploads, settleNext } = await startUploads()
  const cached = () => readdir(join(cacheDir, 'blobs'))
  for (const step of [1, 2]) {
    uploads.offer(await checkpointAt(step))
    expect(await cached()).not.toContain(`weights-${step}`)
    await settleNext()
    await uploads.settled()
    expect(await cached()).toEqual(['never changes', `weights-${step}`])
  }
  await uploads.discard()
  expect(await cached()).toEqual([])
})

test('one that fails for now makes way for a newer one, and does not count as a pace', async () => {
  const { uploads, committed, settleNext, onPace } = await startUploads()
  uploads.offer(await checkpointAt(1))
  uploads.offer(await checkpointAt(2))
  await settleNext(new AppError('unavailable'))
  await settleNext()
  await uploads.settled()
  expect(committed).toEqual([2])
  expect(onPace).toHaveBeenCalledTimes(1)
})

test('one that is refused for good is dropped, and the next one is taken', async () => {
  const { uploads, committed, settleNext, onFailed } = await startUploads()
  uploads.offer(await checkpointAt(1))
  await settleNext(new AppError('checkpoint-corrupt'))
  await uploads.settled()
  expect(uploads.uncommitted()).toBeNull()
  uploads.offer(await checkpointAt(2))
  await settleNext()
  await uploads.settled()
  expect(committed).toEqual([2])
  expect(onFailed).not.toHaveBeenCalled()
})

test('those offered while the last one is being removed are uploaded one after the other, and waited for', async () => {
  const { uploads, committed, commits, settleNext, onPace } = await startUploads()
  const [first, second, third] = [await checkpointAt(1), await checkpointAt(2), await checkpointAt(3)]
  // So many that removing them takes a while.
  await Promise.all(Array.from({ length: 500 }, (_, i) => writeFile(join(first.dir, String(i)), '')))
  uploads.offer(first)
  onPace.mockImplementationOnce(() => {
    setImmediate(() => {
      uploads.offer(second)
      uploads.offer(third)
    })
  })
  await settleNext()
  await vi.waitFor(() => expect(commits).toHaveLength(1))
  await settleNext()
  await uploads.settled()
  expect(commits).toEqual([])
  expect(committed).toEqual([1, 3])
  expect(uploads.committedStep()).toBe(3)
})

test('a lost lease is passed on', async () => {
  const { uploads, settleNext, onFailed } = await startUploads()
  uploads.offer(await checkpointAt(1))
  await settleNext(new AppError('lease-lost'))
  await uploads.settled()
  expect(onFailed).toHaveBeenCalledWith(expect.objectContaining({ code: 'lease-lost' }))
})

test('what an abort leaves uncommitted stays on disk', async () => {
  const { uploads } = await startUploads()
  uploads.offer(await checkpointAt(1))
  uploads.offer(await checkpointAt(2))
  over.abort(new Error('the time is up'))
  await uploads.settled()
  expect(uploads.uncommitted()?.manifest.position.step).toBe(2)
  expect(await readdir(uploads.uncommitted()!.dir)).toEqual(['optimizer', 'weights'])
})
