import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { largestFileBytes, placeFiles, shardBytes, writeShards } from './tar.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-tar-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function aFile(name: string, content: string) {
  await writeFile(join(folder, name), content)
  const digest = createHash('sha256').update(content).digest('hex')
  return { name, path: join(folder, name), length: content.length, digest }
}

test('shards stay within the limit, and a file never straddles two', () => {
  // Each of these takes a header and one block: two and the end fit 3,072 bytes.
  expect(placeFiles([1, 512, 3, 4, 5], 3072)).toEqual([
    { shard: 0, offset: 512 },
    { shard: 0, offset: 1536 },
    { shard: 1, offset: 512 },
    { shard: 1, offset: 1536 },
    { shard: 2, offset: 512 },
  ])
  expect(placeFiles([largestFileBytes, 1])).toEqual([
    { shard: 0, offset: 512 },
    { shard: 1, offset: 512 },
  ])
  expect(512 + largestFileBytes + 1024).toBe(shardBytes)
})

test('tar unpacks each shard to the bytes that went in', async () => {
  const files = [await aFile('a.png', 'one'), await aFile('b c.png', 'x'.repeat(512)), await aFile('d.png', 'three')]
  const places = placeFiles(
    files.map((file) => file.length),
    3072,
  )
  const shards = await writeShards(files, places, folder)
  expect(shards).toHaveLength(2)
  for (const [i, { digest, sizeBytes }] of shards.entries()) {
    const path = join(folder, `shard-0000${i}.tar`)
    const bytes = await readFile(path)
    expect(bytes.length).toBe(sizeBytes)
    expect(sizeBytes).toBeLessThanOrEqual(3072)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest)
    for (const { name } of files.filter((_, f) => places[f]!.shard === i)) {
      const { stdout } = await promisify(execFile)('tar', ['xOf', path, name])
      expect(stdout).toBe(await readFile(join(folder, name), 'utf8'))
    }
  }
})
