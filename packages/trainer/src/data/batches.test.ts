import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AugmentSpec, ImageSpec } from '@baton/contracts'
import type { MixSpec } from '@baton/contracts'
import { labelTable, samplesOf } from '@baton/evaluation'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTinyDataset } from '../fixtures/tiny-dataset.ts'
import type { TinyDataset } from '../fixtures/tiny-dataset.ts'
import { planAugment } from './augment/plan-augment.ts'
import { trainOps } from './augment/presets.ts'
import { orderOf, planStage, trainBatches } from './batches.ts'
import type { Batch } from './batches.ts'
import type { Targets } from '../inputs/targets.ts'
import type { ChangeBatch } from '../models/bundle.ts'
import { createImageSource } from './image-source.ts'
import type { WeightOf } from './sampling.ts'

const size = 8
const image = ImageSpec.parse({ size })
const key = { seed: 3, fold: 1, stage: 0 }
let dir: string
let data: TinyDataset
let samples: Int32Array

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'baton-data-'))
  data = await makeTinyDataset({ dir, train: 23, test: 4, side: size })
  samples = samplesOf(data.manifest, 'train')
})
afterAll(() => rm(dir, { recursive: true }))

/** A shard that lies whole in a file. */
const wholeShard = (path: string) => () => ({ path, isWhole: true })

const noPoll = (): void => undefined

function open({ cacheBytes = 1e9, poll = noPoll, findShard = data.findShard, threads = 0 } = {}) {
  return createImageSource({ manifest: data.manifest, image, findShard, repeated: samples, cacheBytes, threads, poll })
}
type Source = ReturnType<typeof open>

async function collect(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const all: Batch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

interface TrainOptions {
  augment?: unknown[]
  change?: ChangeBatch
  mix?: MixSpec
  again?: (() => Int32Array) | null
  weightOf?: WeightOf | null
}

const plan = planStage({ batch: 5, epochs: 3 }, 23)
const targets = (): Targets => ({
  samples,
  labelsOf: (own) => Float32Array.from(labelTable(data.manifest, own)),
  teacherOf: (own) => Float32Array.from({ length: own.length * 3 }, (_, i) => own[Math.floor(i / 3)]! / 100),
})
function train(source: Source, stageStep = 0, options: TrainOptions = {}) {
  const { augment = moving, change = null, mix = null, again = null, weightOf = null } = options
  const planned = planAugment(trainOps(AugmentSpec.parse(augment)), image)
  const shared = { source, augment: planned, targets: targets(), key, plan }
  return collect(trainBatches({ ...shared, change, mix, again, weightOf }, stageStep))
}
const moving = [{ op: 'flip' }, { op: 'shift', pixels: 2 }]

/** Every picture of the samples, as a square. */
async function readAll(source: Source, wanted = samples): Promise<Uint8Array[]> {
  const images = await source.make(wanted, [{ plan: planAugment([], image), scope: [] }])
  return Array.from(wanted, (_, row) => images.slice(row * size ** 2 * 3, (row + 1) * size ** 2 * 3))
}

test('an epoch has whole batches only; fewer samples than a batch are one batch', () => {
  expect(plan).toEqual({ batch: 5, stepsPerEpoch: 4, totalSteps: 12 })
  expect(planStage({ batch: 5, epochs: 3 }, 10)).toEqual({ batch: 5, stepsPerEpoch: 2, totalSteps: 6 })
  expect(planStage({ batch: 5, epochs: 3 }, 2)).toEqual({ batch: 2, stepsPerEpoch: 1, totalSteps: 3 })
})

test('a stage lasts as many whole steps as its epochs, steps or samples come to, at least one', () => {
  const steps = (duration: object) => planStage({ batch: 5, ...duration }, 23).totalSteps
  expect([0.01, 0.5, 0.7, 2.5].map((epochs) => steps({ epochs }))).toEqual([1, 2, 3, 10])
  expect([1, 7].map((of) => steps({ steps: of }))).toEqual([1, 7])
  expect([1, 5, 6, 100].map((samples) => steps({ samples }))).toEqual([1, 1, 2, 20])
})

test('every epoch has every sample at most once, in an order of its own', async () => {
  const source = open()
  const batches = await train(source)
  const epochs = [0, 1, 2].map((epoch) => batches.slice(epoch * 4, epoch * 4 + 4).flatMap((b) => [...b.samples]))
  for (const epoch of epochs) expect(new Set(epoch).size).toBe(20)
  expect(epochs[0]).not.toEqual(epochs[1])
  expect(epochs[2]).toEqual([...orderOf(samples, { ...key, epoch: 2 })].slice(0, 20))
  await source.close()
})

test('a batch is the same wherever the stage is resumed, with the cache or without', async () => {
  const source = open()
  const whole = await train(source)
  for (const cacheBytes of [0, 1e9])
    for (const stageStep of [1, 4, 11]) {
      const other = open({ cacheBytes })
      expect(await train(other, stageStep)).toEqual(whole.slice(stageStep))
      await other.close()
    }
  await source.close()
})

test('a batch has the pictures and labels of its samples, and what their teacher says', async () => {
  const source = open()
  for (const { samples: own, images, labels, teacher } of await train(source, 8, { augment: [] })) {
    own.forEach((sample, row) => {
      expect([...images.subarray(row * 192, row * 192 + 192)]).toEqual([...data.pixels[sample]!])
    })
    expect([...labels]).toEqual([...labelTable(data.manifest, own)])
    expect(teacher).toEqual(targets().teacherOf!(own))
  }
  await source.close()
})

test('what an epoch has twice is asked for when the one before is through, and comes twice as often', async () => {
  const source = open()
  const hard = samples.slice(0, 8)
  let made = 0
  const asked: number[] = []
  const again = () => {
    asked.push(made)
    return asked.length === 1 ? new Int32Array() : hard
  }
  const augment = planAugment([], image)
  const shared = { source, augment, targets: targets(), key, change: null, mix: null, weightOf: null }
  const long = planStage({ batch: 5, epochs: 40 }, 23)
  const counts = new Map<number, number>()
  for await (const batch of trainBatches({ ...shared, plan: long, again }, 0)) {
    made++
    for (const sample of batch.samples) counts.set(sample, (counts.get(sample) ?? 0) + 1)
  }
  expect(asked).toEqual(Array.from({ length: 40 }, (_, epoch) => epoch * long.stepsPerEpoch))
  const mean = (list: Int32Array) => list.reduce((sum, sample) => sum + (counts.get(sample) ?? 0), 0) / list.length
  expect(mean(hard) / mean(samples.slice(8))).toBeGreaterThan(1.7)
  expect(mean(hard) / mean(samples.slice(8))).toBeLessThan(2.3)
  await source.close()
})

test('with weights an epoch is as long, its draws a function of its key, and a sample that it has again looks other', async () => {
  const source = open()
  const weightOf = (sample: number) => (sample === samples[0] ? 20 : 1)
  const whole = await train(source, 0, { weightOf })
  expect(whole.length).toBe(plan.totalSteps)
  expect(await train(source, 5, { weightOf })).toEqual(whole.slice(5))
  for (const epoch of [0, 1, 2]) {
    const batches = whole.slice(epoch * 4, epoch * 4 + 4)
    const pictures = batches.flatMap(({ samples: own, images }) =>
      Array.from(own, (sample, row) => ({ sample, picture: images.subarray(row * 192, row * 192 + 192).join() })),
    )
    const own = pictures.filter(({ sample }) => sample === samples[0])
    expect(own.length).toBeGreaterThan(3)
    expect(new Set(own.map(({ picture }) => picture)).size).toBeGreaterThan(1)
  }
  await source.close()
})

test('what a bundle does to a batch is a function of the batch, wherever the stage is resumed', async () => {
  const mix: ChangeBatch = ({ images, labels }, draw) => {
    images[0] = Math.floor(draw(0) * 256)
    labels[1] = draw(1)
  }
  const source = open()
  const whole = await train(source, 0, { augment: [], change: mix })
  expect(new Set(whole.map(({ labels }) => labels[1])).size).toBe(plan.totalSteps)
  expect(await train(source, 5, { augment: [], change: mix })).toEqual(whole.slice(5))
  await source.close()
})

test('images that fit the memory allowed are read once, others each time', async () => {
  const shard = await copyOfShard('short-lived')
  const [kept, unkept] = [
    open({ findShard: wholeShard(shard) }),
    open({ findShard: wholeShard(shard), cacheBytes: 4000 }),
  ]
  const pictures = await readAll(kept)
  await readAll(unkept)
  await truncate(shard, 0)
  expect(await readAll(kept)).toEqual(pictures)
  await expect(readAll(unkept)).rejects.toMatchObject({ code: 'sample-broken' })
  kept.keepOnly(['original'])
  await expect(readAll(kept)).rejects.toMatchObject({ code: 'sample-broken' })
  await kept.close()
  await unkept.close()
})

async function copyOfShard(name: string): Promise<string> {
  const file = path.join(dir, name)
  await writeFile(file, await readFile(data.findShard().path))
  return file
}

test('a sample whose bytes are changed, cut off or missing is named', async () => {
  const { id, offset, length } = data.manifest.samples[2]!
  const flipped = await copyOfShard('flipped')
  const bytes = await readFile(flipped)
  bytes[offset + length - 20]! ^= 1
  await writeFile(flipped, bytes)
  const cut = await copyOfShard('cut')
  await truncate(cut, offset + 10)
  for (const [file, reason] of [
    [flipped, /digest/],
    [cut, /ends \d+ bytes before/],
    [path.join(dir, 'nowhere'), /ENOENT/],
  ] as const) {
    const source = open({ findShard: wholeShard(file) })
    const failure = readAll(source, Int32Array.of(2))
    await expect(failure).rejects.toMatchObject({ code: 'sample-broken', facts: { sample: id } })
    await expect(failure).rejects.toThrow(reason)
    await source.close()
  }
})

test('what the poll throws ends the work before another sample is started', async () => {
  let polls = 0
  const poll = () => {
    if (++polls === 3) throw new Error('stop')
  }
  const source = open({ poll })
  const many = Int32Array.from({ length: 500 }, (_, i) => samples[i % samples.length]!)
  await expect(readAll(source, many)).rejects.toThrow('stop')
  expect(polls).toBeLessThan(70)
  await source.close()
})
