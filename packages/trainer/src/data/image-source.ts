import { constants } from 'node:buffer'
import { AppError } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import { decodeImage } from './decode-image.ts'
import type { DecodeSpec } from './decode-image.ts'
import { createShardReader } from './shard-reader.ts'
import type { ShardPath } from './shard-reader.ts'

export interface ImageSource {
  /** Bytes of one decoded image, size² · 3. */
  readonly imageBytes: number
  /**
   * Writes the images of these samples one after the other, in this order.
   * @param samples Indexes in the manifest. [n]
   * @param into [n, size, size, 3]
   * @throws {AppError} `sample-broken`; whatever `poll` throws
   */
  fill(samples: Int32Array, into: Uint8Array): Promise<void>
  close(): Promise<void>
}

export interface ImageSourceOptions {
  readonly manifest: Pick<DatasetManifest, 'samples'>
  readonly image: DecodeSpec
  readonly shardPath: ShardPath
  /** Samples that will be asked for again: their decoded images are kept if all of them fit into `cacheBytes`. */
  readonly repeated: Int32Array
  readonly cacheBytes: number
  /** Called before each image is decoded; what it throws ends the filling. */
  readonly poll: () => void
}

/**
 * Images in work at once. A training step blocks this thread; what is already queued at libuv's threads goes on
 * meanwhile, so this is more than there are cores.
 */
const decodesAtOnce = 64

/** Decoded images of repeated samples, in one block of memory that the system hands out as it is written. */
interface Cache {
  readonly slotOf: ReadonlyMap<number, number>
  readonly isKnown: Uint8Array
  readonly images: Uint8Array
}

function createCache(repeated: Int32Array, imageBytes: number, cacheBytes: number): Cache | null {
  const bytes = repeated.length * imageBytes
  if (bytes > Math.min(cacheBytes, constants.MAX_LENGTH)) return null
  const slotOf = new Map(Array.from(repeated, (sample, slot) => [sample, slot]))
  return { slotOf, isKnown: new Uint8Array(repeated.length), images: new Uint8Array(bytes) }
}

/** Decodes samples of a dataset on demand, and keeps what will be asked for again where memory allows. */
export function createImageSource(options: ImageSourceOptions): ImageSource {
  const { manifest, image, poll } = options
  const imageBytes = image.size * image.size * 3
  const shards = createShardReader(options.shardPath)
  const cache = createCache(options.repeated, imageBytes, options.cacheBytes)

  async function decodeSample(index: number): Promise<Uint8Array> {
    const sample = manifest.samples[index]!
    try {
      return await decodeImage(await shards.read(sample), image)
    } catch (cause) {
      const reason = (cause as Error).message
      throw new AppError('sample-broken', { sample: sample.id }, { detail: `sample ${sample.id}: ${reason}`, cause })
    }
  }

  async function fillOne(index: number, target: Uint8Array): Promise<void> {
    const slot = cache?.slotOf.get(index)
    if (cache && slot !== undefined) {
      const kept = cache.images.subarray(slot * imageBytes, (slot + 1) * imageBytes)
      if (!cache.isKnown[slot]) kept.set(await decodeSample(index))
      cache.isKnown[slot] = 1
      target.set(kept)
    } else target.set(await decodeSample(index))
  }

  return {
    imageBytes,
    async fill(samples, into) {
      await forEachBounded(samples.length, decodesAtOnce, async (row) => {
        poll()
        await fillOne(samples[row]!, into.subarray(row * imageBytes, (row + 1) * imageBytes))
      })
    },
    close: () => shards.close(),
  }
}

/**
 * Does `work` for 0 to count − 1, started in this order, so many at once. After a failure nothing more is started; what
 * is under way ends before the failure is thrown: of several, the one with the lowest number, whichever came first.
 */
async function forEachBounded(count: number, atOnce: number, work: (i: number) => Promise<void>): Promise<void> {
  const failures = new Map<number, unknown>()
  let next = 0
  const lane = async () => {
    while (next < count && failures.size === 0) {
      const i = next++
      await work(i).catch((error: unknown) => failures.set(i, error))
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane))
  if (failures.size > 0) throw failures.get(Math.min(...failures.keys()))
}
