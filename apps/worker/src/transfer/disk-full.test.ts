import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { problems } from '@baton/contracts'
import { expect, onTestFinished, test } from 'vitest'
import { openBlobCache } from './blob-cache.ts'
import { needingRoom } from './disk-full.ts'

const megabyte = 2 ** 20

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-full-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** A file system with room for so much. False where one may not be mounted. */
function mountSmall(folder: string, megabytes: number): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
  if (status === 0) onTestFinished(() => void spawnSync('umount', [folder]))
  return status === 0
}

/** An object of nine megabytes: a cut download of one so large is gone on with. */
function object(seed: number) {
  const bytes = Buffer.alloc(9 * megabyte, `object ${seed} `)
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { blob: { digest, sizeBytes: bytes.length }, download: (path: string) => writeFile(path, bytes) }
}

test('a pull that fills the disk is disk-full, and leaves what was whole and nothing else', async ({ skip }) => {
  const dir = await aFolder()
  skip(!mountSmall(dir, 14), 'no file system may be mounted here')
  const cache = await openBlobCache(dir)
  const into = join(dir, 'fold')
  await mkdir(into)
  const [first, second] = [object(1), object(2)]
  await cache.pull(first.blob, into, first.download)
  await expect(cache.pull(second.blob, into, second.download)).rejects.toMatchObject({
    code: 'disk-full',
    message: `${dir} had no room left while data was written to it (ENOSPC)`,
    facts: { folder: dir },
  })
  for (const folder of ['blobs', 'fold']) expect(await readdir(join(dir, folder))).toEqual([first.blob.digest])
  expect(await readdir(join(dir, 'parts'))).toEqual([])
})

test('a copy to a full disk is disk-full, and leaves no half of itself that looks whole', async ({ skip }) => {
  const [dir, into] = [await aFolder(), await aFolder()]
  skip(!mountSmall(into, 4), 'no file system may be mounted here')
  const cache = await openBlobCache(dir)
  const { blob, download } = object(3)
  // First with the download, then from the cache.
  await expect(cache.pull(blob, into, download)).rejects.toMatchObject({ code: 'disk-full' })
  await cache.pull(blob, await aFolder(), download)
  await expect(cache.pull(blob, into, download)).rejects.toMatchObject({ code: 'disk-full' })
  expect(await readdir(into)).toEqual([])
})

test.skipIf(!existsSync('/dev/full'))('a write without room is a problem that another try may not have', async () => {
  const dir = await aFolder()
  const cache = await openBlobCache(dir)
  const { blob } = object(4)
  const failed = cache.pull(blob, dir, () => writeFile('/dev/full', 'x'))
  await expect(failed).rejects.toMatchObject({ code: 'disk-full' })
  expect(problems['disk-full'].retryable).toBe(true)
})

test('other errors are thrown as they came', async () => {
  const failure = Object.assign(new Error('no such file'), { code: 'ENOENT' })
  await expect(needingRoom('/', () => Promise.reject(failure))).rejects.toBe(failure)
})
