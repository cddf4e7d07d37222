import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Client, Lease } from '@baton/contracts'
import { createLog } from '@baton/log'
import { expect, onTestFinished, test } from 'vitest'
import { uploadBlobs } from './upload-blobs.ts'

const clock = { now: () => 0, sleep: () => Promise.resolve() }
const tools = { clock, random: () => 0, log: createLog({ app: 'test', level: 'silent' }) }
const lease = { foldId: 'f', fence: 1 } as unknown as Lease

/** Whether this process has a file open. */
async function isOpen(file: string): Promise<boolean> {
  const descriptors = await readdir('/proc/self/fd')
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => null)))
  return targets.includes(file)
}

test.runIf(process.platform === 'linux')('an upload that is called off leaves no file open', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'baton-upload-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const file = path.join(dir, 'blob')
  await writeFile(file, 'x')
  const over = new AbortController()
  const api = {
    createFoldUploads: () => {
      over.abort(new Error('over'))
      return Promise.resolve({ items: [{ digest: 'd', put: { url: 'http://127.0.0.1:9/', headers: {} } }] })
    },
  } as unknown as Client
  const blobs = [{ digest: 'd', sizeBytes: 1, path: file }]
  await expect(uploadBlobs(tools, { api, lease, blobs, signal: over.signal })).rejects.toThrow('over')
  expect(await isOpen(file)).toBe(false)
})
