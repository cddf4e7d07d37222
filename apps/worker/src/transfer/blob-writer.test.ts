import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createBlobWriter } from './blob-writer.ts'
import type { BlobWriter } from './blob-writer.ts'

let writer: BlobWriter
let dir: string
beforeEach(async () => {
  writer = createBlobWriter()
  dir = await mkdtemp(join(tmpdir(), 'baton-writer-'))
})
afterEach(async () => {
  await writer.close()
  await rm(dir, { recursive: true })
})

async function begin(path: string) {
  const file = await open(path, 'w')
  onTestFinished(() => file.close())
  return writer.begin(file.fd)
}

/** What another thread sees without a copy, and what it does not. */
function parts(): Buffer[] {
  const shared = Buffer.from(new SharedArrayBuffer(200_000))
  randomBytes(shared.length).copy(shared)
  return [shared.subarray(0, 150_000), randomBytes(1), shared.subarray(150_000), Buffer.alloc(0)]
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('objects that grow side by side have each its own bytes, and their digest', async () => {
  const objects = await Promise.all(
    [0, 1, 2].map(async (i) => ({ path: join(dir, `${i}`), object: await begin(join(dir, `${i}`)), parts: parts() })),
  )
  for (const { object } of objects) expect(object.digest()).toBe(sha256(Buffer.alloc(0)))
  for (const i of [0, 1, 2, 3]) await Promise.all(objects.map(({ object, parts }) => object.append(parts[i]!)))
  for (const { path, object, parts } of objects) {
    const whole = Buffer.concat(parts)
    expect((await readFile(path)).equals(whole)).toBe(true)
    expect(object.digest()).toBe(sha256(whole))
    object.end()
  }
})

test.skipIf(!existsSync('/dev/full'))('a write without room fails with the code of that, alone', async () => {
  const [full, other] = [await begin('/dev/full'), await begin(join(dir, 'other'))]
  const [failed, done] = await Promise.allSettled([full.append(Buffer.from('x')), other.append(Buffer.from('y'))])
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'ENOSPC' } })
  expect(done.status).toBe('fulfilled')
  expect(other.digest()).toBe(sha256(Buffer.from('y')))
})

test('nothing is waited for once the thread has ended', async () => {
  const object = await begin(join(dir, 'object'))
  await object.append(Buffer.from('x'))
  await writer.close()
  await expect(object.append(Buffer.from('y'))).rejects.toThrow('has ended')
})
