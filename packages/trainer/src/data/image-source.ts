import { AppError, isAppError } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { takenBy } from './augment/augment-plan.ts'
import type { PictureKind } from './augment/picture.ts'
import type { DecodeSpec } from './decode/decode-image.ts'
import { openBudget } from './pictures/byte-budget.ts'
import { openShards } from './pictures/open-shards.ts'
import type { FindShard, OpenShard } from './pictures/open-shards.ts'
import { createPictureCache } from './pictures/picture-cache.ts'
import { createPictureMaker } from './pictures/picture-maker.ts'
import type { Fact, MadePart, PictureJob, PictureMaker, View } from './pictures/picture-maker.ts'
import { shareSamples } from './pictures/sample-table.ts'
import { createSlabs } from './pictures/slabs.ts'
import { startPictureThread } from './pictures/start-picture-thread.ts'
import { batchesAhead, mostAhead } from './prefetch.ts'

export interface ImageSource {
  /**
   * The pictures of samples, by their indexes in the manifest: bytes that do not depend on how many threads make them,
   * nor on which is faster. They are the caller's, until it gives them back.
   *
   * @param views All take pictures of one kind and make squares of one size.
   * @param turns How often each sample came before: each time it is augmented another way. [n], all 0 where left out
   * @returns RGB, each sample's views together. [n · views, size, size, 3]
   * @throws {AppError} `sample-broken`, of several the first; what `poll` throws
   */
  make(samples: Int32Array, views: readonly View[], turns?: Int32Array): Promise<Uint8Array>
  /** Pictures from `make` are not needed any more: their memory is for others. */
  giveBack(images: Uint8Array): void
  /** Batches of so many bytes, of which an epoch has so many, that are to be made ahead of their use. */
  batchesAhead(bytes: number, perEpoch: number): number
  /** Lets go of pictures that were kept as any other kind; none may be under way. */
  keepOnly(kinds: readonly PictureKind[]): void
  /** Ends all threads. What is under way is not waited for longer than the pictures that are begun take. */
  close(): Promise<void>
}

export interface ImageSourceOptions {
  readonly manifest: Pick<DatasetManifest, 'samples'>
  readonly image: Omit<DecodeSpec, 'size'>
  readonly findShard: FindShard
  /** Samples that will be asked for again: their decoded pictures are kept, those that come first, as far as they fit. */
  readonly repeated: Int32Array
  readonly cacheBytes: number
  /** Threads that make pictures; 0: this thread does. */
  readonly threads: number
  /** Called again and again while pictures are made, in this thread before each; what it throws ends that. */
  readonly poll: () => void
}

/**
 * Pictures in work at once, in all threads together: while some are decoded, others are read in libuv's threads, of
 * which there are 4 or one a core, and decoded there where libvips does it. In this thread they are more: a training step
 * blocks it, and what is queued goes on meanwhile.
 */
const atOnce = { here: 64, inThreads: 16 }
/** How often `poll` is called while other threads work, in milliseconds. */
const pollEveryMs = 200

/** Makes pictures of a dataset's samples on demand, and keeps what will be asked for again where memory allows. */
export function createImageSource(options: ImageSourceOptions): ImageSource {
  const { manifest, threads, poll } = options
  const shards = openShards(options.findShard)
  /** What makers know of shards. */
  const knownShards = new Map<number, OpenShard>()
  const budget = openBudget(options.cacheBytes)
  const cache = createPictureCache(options.repeated, budget)
  const slabs = createSlabs(mostAhead)
  const makers = startMakers(options, budget)
  const underWay = new Map<PictureJob, Promise<unknown>>()
  let jobs = 0
  let isClosed = false

  const tellAll = (facts: readonly Fact[]) => makers.forEach((maker) => maker.learn(facts))

  /** Has makers know of files that these samples can be read from. */
  async function open(samples: Int32Array): Promise<void> {
    const wanted = new Map<number, number[]>()
    for (const sample of samples) {
      const { shard } = manifest.samples[sample]!
      if (knownShards.get(shard)?.isWhole) continue
      wanted.set(shard, [...(wanted.get(shard) ?? []), sample])
    }
    const asked = [...wanted].map(([shard, own]) => {
      const opened = shards.descriptor(shard, own)
      // It fails below, in its turn.
      opened.catch(() => undefined)
      return { shard, id: manifest.samples[own[0]!]!.id, opened }
    })
    for (const { shard, id, opened } of asked) know(shard, await orBroken(id, opened))
  }

  /** What was asked for before may come after the whole shard did, which has it too. */
  function know(shard: number, opened: OpenShard): void {
    const known = knownShards.get(shard)
    if (known?.isWhole || known?.descriptor === opened.descriptor) return
    knownShards.set(shard, opened)
    tellAll([{ kind: 'shard', shard, descriptor: opened.descriptor }])
  }

  function checkOpen(): void {
    if (isClosed) throw new Error('the source of pictures is closed')
  }

  /** Has the job done by as many makers as have something to do. */
  function perform(job: PictureJob): Promise<MadePart[]> {
    const first = jobs++ % makers.length
    const inTurn = [...makers.slice(first), ...makers.slice(0, first)]
    const parts = inTurn.slice(0, Math.max(1, job.samples.length)).map((maker) => maker.make(job))
    const settled = Promise.allSettled(parts).finally(() => underWay.delete(job))
    underWay.set(job, settled)
    return Promise.all(parts)
  }

  return {
    async make(samples, views, turns = new Int32Array(samples.length)) {
      await whilePolling(open(samples), poll)
      checkOpen()
      const { plan } = views[0]!
      const kind = takenBy(plan)
      const images = slabs.take(samples.length * views.length * plan.model.size ** 2 * 3)
      const job = { samples, turns, views, places: cache.placesFor(samples, kind), next: sharedZero(), images }
      const parts = await whilePolling(perform(job), poll, () => cancel(job))
      tellAll(cache.take(job, kind, parts))
      checkOpen()
      const failures = parts.flatMap(({ failure }) => failure ?? [])
      if (failures.length === 0) return images
      const { row, error, isBroken } = failures.reduce((a, b) => (b.row < a.row ? b : a))
      throw isBroken ? broken(manifest.samples[samples[row]!]!.id, error) : error
    },
    giveBack: (images) => slabs.giveBack(images),
    batchesAhead: (bytes, perEpoch) => batchesAhead(threads, bytes, perEpoch),
    keepOnly: (kinds) => tellAll(cache.keepOnly(kinds)),
    async close() {
      isClosed = true
      for (const job of underWay.keys()) cancel(job)
      await Promise.all(underWay.values())
      await Promise.all(makers.map((maker) => maker.close()))
      await shards.close()
    },
  }
}

function startMakers({ manifest, image, threads, poll }: ImageSourceOptions, budget: BigInt64Array): PictureMaker[] {
  const { resize, interpolation, background } = image
  const shared = { samples: shareSamples(manifest.samples), image: { resize, interpolation, background }, budget }
  if (threads === 0) return [createPictureMaker({ ...shared, atOnce: atOnce.here }, poll)]
  const each = Math.max(1, Math.ceil(atOnce.inThreads / threads))
  return Array.from({ length: threads }, () => startPictureThread({ ...shared, atOnce: each }))
}

function sharedZero(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
}

/** Nothing more of it is begun. */
function cancel({ next, samples }: PictureJob): void {
  Atomics.store(next, 0, samples.length)
}

/** What failed before a sample could be read is named by it, unless it has a name. */
async function orBroken<T>(sample: string, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw isAppError(error) ? error : broken(sample, error)
  })
}

function broken(sample: string, cause: unknown): AppError {
  const detail = `sample ${sample}: ${(cause as Error).message}`
  return new AppError('sample-broken', { sample }, { detail, cause })
}

/**
 * Waits for the work, and asks meanwhile whether to go on.
 *
 * @param stop Ends the work early: what `poll` throws is thrown once that has settled.
 */
async function whilePolling<T>(work: Promise<T>, poll: () => void, stop?: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const interrupted = new Promise<{ readonly error: unknown }>((resolve) => {
    timer = setInterval(() => {
      try {
        poll()
      } catch (error) {
        resolve({ error })
      }
    }, pollEveryMs)
  })
  try {
    const first = await Promise.race([work.then((result) => ({ result })), interrupted])
    if ('result' in first) return first.result
    stop?.()
    if (stop) await work.catch(() => undefined)
    throw first.error
  } finally {
    clearInterval(timer)
  }
}
