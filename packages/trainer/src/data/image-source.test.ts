import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AugmentSpec, ImageSpec } from '@baton/contracts'
import type { ShardFile } from '@baton/contracts'
import { samplesOf } from '@baton/evaluation'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { makeTinyDataset } from '../fixtures/tiny-dataset.ts'
import type { TinyDataset } from '../fixtures/tiny-dataset.ts'
import { planAugment } from './augment/plan-augment.ts'
import { trainOps } from './augment/presets.ts'
import { planStage, trainBatches } from './batches.ts'
import type { Batch } from './batches.ts'
import { createImageSource } from './image-source.ts'
import type { ImageSource, ImageSourceOptions } from './image-source.ts'
import { openBudget } from './pictures/byte-budget.ts'
import { createPictureMaker, notKept } from './pictures/picture-maker.ts'
import type { PictureJob } from './pictures/picture-maker.ts'
import { openShards } from './pictures/open-shards.ts'
import { shareSamples } from './pictures/sample-table.ts'

const size = 12
const image = ImageSpec.parse({ size })
const imageBytes = size * size * 3
let dir: string
let data: TinyDataset
let samples: Int32Array

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'baton-source-'))
  data = await makeTinyDataset({ dir, train: 17, test: 2, side: 20 })
  samples = samplesOf(data.manifest, 'train')
})
afterAll(() => rm(dir, { recursive: true }))

function open(options: Partial<ImageSourceOptions> = {}): ImageSource {
  const { manifest, findShard } = data
  const poll = () => undefined
  const source = createImageSource({ manifest, image, findShard, repeated: samples, cacheBytes: 1e9, threads: 2, poll, ...options }) // prettier-ignore
  onTestFinished(() => source.close())
  return source
}

const viewsOf = (augment: unknown, scope: (string | number)[] = []) => [
  { plan: planAugment(trainOps(AugmentSpec.parse(augment)), image), scope },
]
const plain = () => viewsOf([])

function batchesOf(source: ImageSource, augment: unknown, stageStep = 0): AsyncGenerator<Batch, void> {
  const planned = planAugment(trainOps(AugmentSpec.parse(augment)), image)
  const targets = { samples, labelsOf: (own: Int32Array) => Float32Array.from(own), teacherOf: null }
  const plan = planStage({ batch: 5, epochs: 3 }, samples.length)
  const key = { seed: 5, fold: 0, stage: 1 }
  return trainBatches(
    { source, augment: planned, targets, key, plan, change: null, mix: null, again: null, weightOf: null },
    stageStep,
  )
}

async function copyOfShard(name: string): Promise<string> {
  const file = path.join(dir, name)
  await copyFile(data.findShard().path, file)
  return file
}

/** Breaks the bytes of some samples. */
async function shardWithout(name: string, broken: readonly number[]): Promise<string> {
  const file = await copyOfShard(name)
  const bytes = await readFile(file)
  for (const sample of broken) bytes[data.manifest.samples[sample]!.offset + 30]! ^= 1
  await writeFile(file, bytes)
  return file
}

/** Minutes of work. */
const manySamples = () => Int32Array.from({ length: 50_000 }, (_, i) => samples[i % samples.length]!)

const everything = [
  { op: 'crop', size: 16, centre: 0.2 },
  { op: 'noise', from: 1, to: 20, perColour: true },
  { op: 'erase', p: 0.7, fill: 'noise' },
]

let sources: ImageSource[]
beforeAll(() => {
  const shared = { manifest: data.manifest, image, findShard: data.findShard, repeated: samples, poll: () => undefined }
  sources = [
    ...[0, 1, 2, 4].map((threads) => createImageSource({ ...shared, threads, cacheBytes: 1e9 })),
    // Some are kept, some decoded anew.
    createImageSource({ ...shared, threads: 2, cacheBytes: 20_000 }),
  ]
})
afterAll(() => Promise.all(sources.map((source) => source.close())))

test.each([
  ['imet-256', 'imet-256'],
  ['imet-320', 'imet-320'],
  ['crop, noise and erasing', everything],
  ['nothing', []],
])('batches are the same bytes however many threads make them: %s', async (_, augment) => {
  const [alone, ...others] = await Promise.all(
    sources.map(async (source) => {
      const all: Batch[] = []
      for await (const batch of batchesOf(source, augment)) all.push(batch)
      return all
    }),
  )
  expect(alone).toHaveLength(9)
  for (const threaded of others) expect(threaded).toEqual(alone)
})

test('the views of a sample stand together, and are the same bytes from threads', async () => {
  const views = [...plain(), ...viewsOf([{ op: 'flip', p: 1 }]), ...viewsOf([{ op: 'rotate', degrees: 30 }], ['view'])]
  const [alone, ...others] = await Promise.all(sources.slice(0, 3).map((source) => source.make(samples, views)))
  for (const threaded of others) expect(threaded).toEqual(alone)
  const single = await sources[0]!.make(samples, views.slice(1, 2))
  samples.forEach((_, row) => {
    const flipped = alone!.subarray((row * 3 + 1) * imageBytes, (row * 3 + 2) * imageBytes)
    expect(flipped).toEqual(single.subarray(row * imageBytes, (row + 1) * imageBytes))
  })
})

test('makers share a job row by row, and one that comes late changes nothing', async () => {
  const shards = openShards(data.findShard)
  onTestFinished(() => shards.close())
  const shared = { samples: shareSamples(data.manifest.samples), image, budget: openBudget(0), atOnce: 2 }
  const { descriptor } = await shards.descriptor(0, [...samples])
  const fact = { kind: 'shard', shard: 0, descriptor } as const
  const startedBy: number[] = []
  const makers = [0, 1, 2].map((name) => createPictureMaker(shared, () => void startedBy.push(name)))
  for (const maker of makers) maker.learn([fact])
  const job: PictureJob = {
    samples,
    turns: new Int32Array(samples.length),
    views: viewsOf('imet-256', ['late']),
    places: new Float64Array(samples.length * 4).fill(notKept.decode),
    next: new Int32Array(new SharedArrayBuffer(4)),
    images: new Uint8Array(samples.length * imageBytes),
  }
  const [first, second, late] = makers as [(typeof makers)[0], (typeof makers)[0], (typeof makers)[0]]
  await Promise.all([first.make(job), second.make(job)])
  expect(await late.make(job)).toEqual({ kept: null, failure: null })
  expect(startedBy).toHaveLength(samples.length)
  expect(new Set(startedBy)).toEqual(new Set([0, 1]))
  expect(job.images).toEqual(await sources[0]!.make(samples, job.views))
})

test.each([0, 2])(
  'a broken sample fails in the turn of its batch, the first of several, with %i threads',
  async (threads) => {
    const order: number[] = []
    for await (const { samples: own } of batchesOf(sources[0]!, [])) order.push(...own)
    // Both in the third batch and not before; later epochs have them too.
    const broken = order.slice(10, 15).slice(1, 3)
    const file = await shardWithout(`broken-${threads}`, broken)
    const batches = batchesOf(open({ threads, findShard: () => ({ path: file, isWhole: true }) }), [])
    for (let i = 0; i < 2; i++) expect((await batches.next()).done).toBe(false)
    const { id } = data.manifest.samples[broken[0]!]!
    await expect(batches.next()).rejects.toMatchObject({
      code: 'sample-broken',
      facts: { sample: id },
      message: expect.stringContaining(`sample ${id}: the bytes in shard 0`) as string,
    })
  },
)

test.each([0, 3])('no more is kept than memory is allowed, and all that fits, with %i threads', async (threads) => {
  const file = await copyOfShard(`bound-${threads}`)
  const source = open({ threads, findShard: () => ({ path: file, isWhole: true }), cacheBytes: 10.5 * imageBytes })
  await source.make(samples, plain())
  await truncate(file, 0)
  let kept = 0
  for (const sample of samples) await source.make(Int32Array.of(sample), plain()).then(() => kept++, () => undefined) // prettier-ignore
  expect(kept).toBe(10)
  source.keepOnly(['original'])
  await expect(source.make(samples.slice(0, 1), plain())).rejects.toMatchObject({ code: 'sample-broken' })
})

test('memory that was given back is used again', async () => {
  const source = open()
  const first = await source.make(samples, plain())
  const expected = first.slice()
  source.giveBack(first)
  const second = await source.make(samples, plain())
  expect(second.buffer).toBe(first.buffer)
  expect(second).toEqual(expected)
  const smaller = await source.make(samples.slice(0, 16), plain())
  expect(smaller.buffer).not.toBe(first.buffer)
})

test('a batch waits for a shard that is on its way, and interrupts are heard meanwhile', async () => {
  let arrive: (file: ShardFile) => void = () => undefined
  const source = open({ findShard: () => new Promise<ShardFile>((resolve) => (arrive = resolve)) })
  const made = source.make(samples, plain())
  arrive(data.findShard())
  expect(await made).toEqual(await sources[0]!.make(samples, plain()))

  const never = open({
    findShard: () => new Promise<ShardFile>(() => undefined),
    poll: () => {
      throw new Error('stop')
    },
  })
  await expect(never.make(samples, plain())).rejects.toThrow('stop')
})

test.each([0, 2])('samples are read from a part of their shard until it is whole, with %i threads', async (threads) => {
  const [early, late] = [samples.slice(0, 4), samples.slice(4)]
  const part = await shardWithout(`part-${threads}`, [...late])
  let isWhole = false
  const asked: (readonly number[])[] = []
  const source = open({
    threads,
    cacheBytes: 0,
    findShard: (_: number, own: readonly number[]) => {
      asked.push(own)
      return isWhole ? data.findShard() : { path: part, isWhole }
    },
  })
  const expected = await sources[0]!.make(samples, plain())
  expect(await source.make(early, plain())).toEqual(expected.slice(0, 4 * imageBytes))
  isWhole = true
  expect(await source.make(late, plain())).toEqual(expected.slice(4 * imageBytes))
  expect(await source.make(samples, plain())).toEqual(expected)
  expect(asked).toEqual([[...early], [...late]])
})

test('an interrupt ends a batch that is being made, and the source makes others', async () => {
  let isInterrupted = false
  const poll = () => {
    if (isInterrupted) throw new Error('stop')
  }
  const source = open({ poll })
  const expected = await source.make(samples, viewsOf('imet-256'))
  const long = source.make(manySamples(), viewsOf('imet-256'))
  isInterrupted = true
  await expect(long).rejects.toThrow('stop')
  isInterrupted = false
  expect(await source.make(samples, viewsOf('imet-256'))).toEqual(expected)
})

test('closing ends work that is under way', async () => {
  const source = open()
  await source.make(samples, plain())
  const made = source.make(manySamples(), viewsOf('imet-256'))
  const failed = expect(made).rejects.toThrow('closed')
  // Now it is begun.
  await new Promise(setImmediate)
  await source.close()
  await failed
  await expect(source.make(samples, plain())).rejects.toThrow('closed')
})
