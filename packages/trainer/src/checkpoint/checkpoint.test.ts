import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os, { tmpdir } from 'node:os'
import path from 'node:path'
import type { CheckpointManifest } from '@baton/contracts'
import { encode } from '@baton/safetensors'
import type { Tensors } from '@baton/safetensors'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { differenceOf } from './compare-environments.ts'
import { readCheckpoint } from './read-checkpoint.ts'
import type { SavedCheckpoint } from './save-checkpoint.ts'
import { startCheckpointWriter } from './checkpoint-writer.ts'
import type { CheckpointWriter } from './checkpoint-writer.ts'

const specDigest = 'a'.repeat(64)
const environment = {
  backend: 'test 1',
  tensorflow: '2.15.1',
  device: 'CPU',
  intraOpThreads: 2,
  interOpThreads: 1,
  oneDnn: true,
  precision: 'fp32' as const,
  execution: 'eager' as const,
}
const manifest: Omit<CheckpointManifest, 'files'> = {
  format: 'baton.checkpoint/1',
  specDigest,
  fold: 1,
  position: { step: 7, stage: 0, stageStep: 7, epoch: 1 },
  state: {
    best: { score: 0.5, step: 4 },
    evaluationsWithoutGain: 0,
    stoppedEarly: false,
    trained: false,
    hours: { spentMs: 1.5, stepMs: 0.1, evaluationMs: 0, landings: [{ step: 1, spentMs: 1, progress: 0, end: 9 }] },
    plateau: { best: 0.5, wait: 1, cooldown: 0, drops: 2 },
    accumulate: 2,
    predictBatch: null,
  },
  environment,
}
const tensors = (offset: number, of = 'head'): Map<string, { shape: number[]; data: Float32Array<ArrayBuffer> }> =>
  new Map([
    [`${of}/kernel`, { shape: [2, 2], data: Float32Array.of(offset, 1, 2, 3) }],
    [`${of}/bias`, { shape: [1], data: Float32Array.of(-offset) }],
  ])
/** A checkpoint's tensors, file by file. */
const contents = {
  weights: tensors(1),
  'frozen-weights': tensors(4, 'body'),
  optimizer: tensors(2, 'adam'),
  'frozen-optimizer': tensors(5, 'kept'),
  best: tensors(3),
  'frozen-best': tensors(6, 'body'),
}
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let writer: CheckpointWriter
let dir: string
beforeAll(() => {
  writer = startCheckpointWriter()
})
afterAll(() => writer.close())
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'baton-checkpoint-'))
})
afterEach(() => rm(dir, { recursive: true }))

async function save(name = 'step-7'): Promise<SavedCheckpoint> {
  const write = (of: keyof typeof contents) =>
    writer.writeTensors(path.join(dir, `${name}-${of}`), structuredClone(contents[of]))
  return writer.saveCheckpoint(path.join(dir, name), {
    manifest,
    weights: structuredClone(contents.weights),
    optimizer: structuredClone(contents.optimizer),
    frozen: { weights: await write('frozen-weights'), optimizer: await write('frozen-optimizer') },
    best: { file: await write('best'), frozen: await write('frozen-best') },
  })
}

const read = (saved: SavedCheckpoint, change: Partial<CheckpointManifest> = {}, fold = 1) =>
  readCheckpoint({
    manifest: { ...saved.manifest, ...change },
    filePath: (name) => saved.files[name]!,
    specDigest,
    fold,
  })

test('a checkpoint reads back as what was saved', async () => {
  const saved = await save()
  const { position, state } = manifest
  const fileOf = (name: keyof typeof contents) => {
    const { digest, sizeBytes } = saved.manifest.files.find((file) => file.name === name)!
    return { tensors: contents[name], file: { digest, sizeBytes } }
  }
  const { weights, optimizer } = contents
  const all = [weights, optimizer, contents['frozen-weights'], contents['frozen-optimizer']]
  expect(await read(saved)).toEqual({
    position,
    state,
    environment,
    tensors: new Map(all.flatMap((part) => [...part])),
    frozen: { weights: fileOf('frozen-weights'), optimizer: fileOf('frozen-optimizer') },
    best: { file: fileOf('best'), frozen: fileOf('frozen-best') },
  })
  expect(JSON.parse(await readFile(saved.manifestPath, 'utf8'))).toEqual(saved.manifest)
})

test('the manifest names each file by the digest and size of its bytes, which are a plain encoding', async () => {
  const saved = await save()
  const bytes = Object.entries(contents).map(([name, of]) => [name, encode(of)] as const)
  expect(saved.manifest.files).toEqual(
    bytes.map(([name, of]) => ({ name, digest: digestOf(of), sizeBytes: of.length })),
  )
  for (const [name, of] of bytes) expect(Buffer.compare(await readFile(saved.files[name]!), of)).toBe(0)
})

test('a folder appears with everything in it and nothing beside it', async () => {
  const saved = await save()
  expect((await readdir(dir)).filter((name) => name.endsWith('.part'))).toEqual([])
  const names = [...Object.keys(contents).map((name) => `${name}.safetensors`), 'manifest.json']
  expect((await readdir(saved.dir)).toSorted()).toEqual(names.toSorted())
})

test('removing one checkpoint leaves the best weights of the next', async () => {
  const best = await writer.writeTensors(path.join(dir, 'best'), tensors(3))
  const content = () => ({
    manifest,
    weights: tensors(1),
    optimizer: tensors(2, 'adam'),
    frozen: {},
    best: { file: best, frozen: null },
  })
  const first = await writer.saveCheckpoint(path.join(dir, 'a'), content())
  await rm(first.dir, { recursive: true })
  const second = await writer.saveCheckpoint(path.join(dir, 'b'), content())
  expect((await read(second)).best!.file.tensors).toEqual(tensors(3))
})

test('what is being saved does not change with the memory it came from', async () => {
  const memory = Float32Array.of(9, 9, 1, 2, 3)
  const part: Tensors = new Map([['a', { shape: [3], data: memory.subarray(2) }]])
  const written = writer.writeTensors(path.join(dir, 'part'), part)
  memory.fill(0)
  expect((await written).digest).toBe(
    digestOf(encode(new Map([['a', { shape: [3], data: Float32Array.of(1, 2, 3) }]]))),
  )
})

test('a file that cannot be written is an error, and the writer goes on', async () => {
  await expect(writer.writeTensors(path.join(dir, 'no', 'such', 'folder'), tensors(1))).rejects.toThrow(/ENOENT/)
  await expect(writer.writeTensors(path.join(dir, 'fine'), tensors(1))).resolves.toMatchObject({
    path: path.join(dir, 'fine'),
  })
})

test('memory that was handed over before is refused', async () => {
  const once = tensors(1)
  await writer.writeTensors(path.join(dir, 'once'), once)
  await expect(writer.writeTensors(path.join(dir, 'twice'), once)).rejects.toThrow(
    'head/kernel of shape [2, 2] holds 0',
  )
})

test('a writer that has ended rejects what waits and what comes', async () => {
  const brief = startCheckpointWriter()
  const under = brief.writeTensors(path.join(dir, 'never'), tensors(1)).catch((error: Error) => error.message)
  await brief.close()
  expect(await under).toMatch(/ended/)
  await expect(brief.writeTensors(path.join(dir, 'never'), tensors(1))).rejects.toThrow(/ended/)
})

test.runIf(process.platform === 'linux')('the thread that writes lets those that train go first', async () => {
  await save()
  const threads = await readdir('/proc/self/task')
  const [own, ...others] = [process.pid, ...threads].map((thread) => os.getPriority(Number(thread)))
  expect(Math.max(...others)).toBeGreaterThan(own!)
})

test.each(Object.keys(contents))('a changed, cut or missing file of the %s is found', async (name) => {
  const saved = await save()
  const file = saved.files[name]!
  const bytes = await readFile(file)
  const failure = { code: 'checkpoint-corrupt', facts: { name } }
  await writeFile(file, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1))
  await expect(read(saved)).rejects.toMatchObject(failure)
  await writeFile(file, bytes.subarray(0, -1))
  await expect(read(saved)).rejects.toMatchObject(failure)
  await rm(file)
  await expect(read(saved)).rejects.toMatchObject(failure)
})

test('a file that is no safetensors is found even if its digest is right', async () => {
  const saved = await save()
  const bytes = Buffer.from('not tensors')
  await writeFile(saved.files.weights!, bytes)
  const files = saved.manifest.files.with(0, { name: 'weights', digest: digestOf(bytes), sizeBytes: bytes.length })
  await expect(read(saved, { files })).rejects.toMatchObject({ code: 'checkpoint-corrupt' })
})

test('a checkpoint of another spec or fold, or without a file it needs, is refused', async () => {
  const saved = await save()
  const failure = { code: 'checkpoint-corrupt' }
  await expect(read(saved, { specDigest: 'b'.repeat(64) })).rejects.toMatchObject(failure)
  await expect(read(saved, {}, 2)).rejects.toMatchObject(failure)
  for (const needed of ['weights', 'optimizer', 'best'])
    await expect(
      read(saved, { files: saved.manifest.files.filter(({ name }) => name !== needed) }),
    ).rejects.toMatchObject(failure)
  await expect(read(saved, { files: [...saved.manifest.files, saved.manifest.files[0]!] })).rejects.toMatchObject(
    failure,
  )
  await expect(read(saved, { state: { ...manifest.state, best: null } })).rejects.toMatchObject(failure)
  const twice = saved.manifest.files.map((file) =>
    file.name === 'frozen-weights' ? { ...saved.manifest.files[0]!, name: file.name } : file,
  )
  const filePath = (name: string) => saved.files[name === 'frozen-weights' ? 'weights' : name]!
  await expect(
    readCheckpoint({ manifest: { ...saved.manifest, files: twice }, filePath, specDigest, fold: 1 }),
  ).rejects.toMatchObject({ ...failure, message: expect.stringContaining('twice') as string })
  const position = { ...manifest.position, step: -1 }
  await expect(read(saved, { position })).rejects.toMatchObject(failure)
})

test('resuming elsewhere says what is no longer exact', () => {
  expect(differenceOf(environment, { ...environment })).toBeNull()
  const line = differenceOf(environment, { ...environment, intraOpThreads: 4, oneDnn: false })
  expect(line).toContain('intraOpThreads 2 → 4, oneDnn true → false')
  expect(line).not.toContain('device')
})
