import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { DatasetManifest, Sample } from '@baton/contracts'
import { integer, streamKey } from '@baton/random'
import { encode } from '@baton/safetensors'
import type { Tf } from '@baton/tensorflow'
import { buildModel } from '../../packages/trainer/src/models/build.ts'
import { drawPictures } from './draw-pictures.ts'
import type { DrawnFile } from './draw-pictures.ts'
import { classes, rate, specOf } from './nets.ts'
import type { Net } from './nets.ts'
import { noise } from './noise.ts'

/** What every peer is told, as a JSON file: what to train, on what, from where, and with how many threads. */
export interface Job {
  readonly net: Net
  readonly classes: number
  readonly lr: number
  readonly momentum: number
  /** Of the colours, 0 to 1. */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Batches in memory, which steps go round. */
  readonly batches: number
  /** The losses of so many first steps prove that all peers do the same. */
  readonly proofSteps: number
  /** Within one operation of a step; one operation runs at a time. */
  readonly threads: number
  /** Threads or processes that read files. */
  readonly loaders: number
  /** RGB, 0 to 255. uint8 [batches · batch, size, size, 3] */
  readonly images: string
  /** 0 or 1. float32 [batches · batch, classes] */
  readonly labels: string
  /** What the variables begin with: safetensors by the names of Baton's. */
  readonly weights: string
  /** Of an epoch from files. */
  readonly files: readonly { readonly path: string; readonly labels: readonly number[] }[]
  /** The same files as a dataset of Baton's. */
  readonly manifest: DatasetManifest
  readonly shard: string
}

const batches = 8
const proofSteps = 8

/** Writes all that a net's peers need into a folder. @returns the path of the job's file */
export async function writeJob(
  folder: string,
  net: Net,
  { tf, threads, pictures }: { tf: Tf; threads: number; pictures: Pictures },
): Promise<string> {
  const own = path.join(folder, net.name)
  await mkdir(own, { recursive: true })
  const file = (name: string) => path.join(own, name)
  const count = batches * net.batch
  await writeFile(file('images'), noise(net.name, count * net.size ** 2 * 3))
  await writeFile(
    file('labels'),
    Float32Array.from({ length: count * classes }, (_, i) => labelOf('memory', i)),
  )
  await writeFile(file('weights'), weightsOf(tf, net))
  const { image } = specOf(net)
  const used = pictures.files.slice(0, net.files)
  const job: Job = {
    net,
    classes,
    ...rate,
    mean: image.mean,
    std: image.std,
    batches,
    proofSteps,
    threads,
    loaders: 2,
    images: file('images'),
    labels: file('labels'),
    weights: file('weights'),
    files: used.map(({ path, labels }) => ({ path, labels })),
    manifest: { ...pictures.manifest, samples: pictures.manifest.samples.slice(0, net.files) },
    shard: pictures.shard,
  }
  await writeFile(file('job.json'), JSON.stringify(job))
  return file('job.json')
}

/** A third of all labels is set. */
function labelOf(use: string, i: number): number {
  return integer(streamKey('bench', use, 'labels'), i, 3) === 0 ? 1 : 0
}

function weightsOf(tf: Tf, net: Net): Uint8Array {
  const model = buildModel(net.model, { tf, classes, imageSize: net.size, seed: 1 })
  const tensors = model.variables.map(
    ({ name, variable }) => [name, { shape: variable.shape, data: variable.dataSync() as Float32Array }] as const,
  )
  const bytes = encode(new Map(tensors))
  model.dispose()
  return bytes
}

/** Encoded pictures, as files of their own and as one shard of a dataset. */
export interface Pictures {
  readonly files: readonly (DrawnFile & { readonly labels: readonly number[] })[]
  readonly manifest: DatasetManifest
  readonly shard: string
}

/** Draws so many pictures, three quarters as JPEG and one as PNG, of about 256 pixels a side. */
export async function writePictures(folder: string, count: number): Promise<Pictures> {
  const drawn = await drawPictures(path.join(folder, 'pictures'), count)
  const files = drawn.map((file, i) => ({
    ...file,
    labels: Array.from({ length: classes }, (_, label) => labelOf('files', i * classes + label)),
  }))
  let offset = 0
  const samples = files.map(({ bytes, labels }, i): Sample => {
    const sample: Sample = {
      id: `p${i}`,
      split: 'train',
      group: null,
      labels: labels.flatMap((set, label) => (set === 1 ? [label] : [])),
      shard: 0,
      offset,
      length: bytes.length,
      digest: createHash('sha256').update(bytes).digest('hex'),
    }
    offset += bytes.length
    return sample
  })
  const whole = Buffer.concat(files.map(({ bytes }) => bytes))
  const shard = path.join(folder, 'shard')
  await writeFile(shard, whole)
  const manifest: DatasetManifest = {
    format: 'baton.dataset/1',
    labelGroups: [{ name: 'all', labels: Array.from({ length: classes }, (_, label) => `l${label}`) }],
    shards: [{ digest: createHash('sha256').update(whole).digest('hex'), sizeBytes: whole.length }],
    samples,
    licences: [],
  }
  return { files, manifest, shard }
}
