import { AppError } from '@baton/contracts'
import type { DatasetManifest } from '@baton/contracts'
import type { Picture } from './augment/picture.ts'
import { decodeImage, decodeOriginal } from './decode-image.ts'
import type { DecodeSpec } from './decode-image.ts'
import { createShardReader } from './shard-reader.ts'
import type { ShardPath } from './shard-reader.ts'

/** What a sample's picture is wanted as: a square of so many pixels, or in its own size. */
export type PictureKind = number | 'original'

export interface ImageSource {
  /**
   * The picture of a sample, by its index in the manifest. Others may hold the same bytes: they are not to be changed.
   *
   * @throws {AppError} `sample-broken`
   */
  picture(sample: number, kind: PictureKind): Promise<Picture>
  /** Lets go of pictures that were kept as any other kind. */
  keepOnly(kinds: readonly PictureKind[]): void
  /** Does something for each of these samples, started in this order, several at once. @throws whatever `work` and `poll` throw */
  forEach(samples: Int32Array, work: (sample: number, row: number) => Promise<void>): Promise<void>
  close(): Promise<void>
}

export interface ImageSourceOptions {
  readonly manifest: Pick<DatasetManifest, 'samples'>
  readonly image: Omit<DecodeSpec, 'size'>
  readonly shardPath: ShardPath
  /** Samples that will be asked for again: their decoded pictures are kept, those that come first, as far as they fit. */
  readonly repeated: Int32Array
  readonly cacheBytes: number
  /** Called before each sample is worked on; what it throws ends that. */
  readonly poll: () => void
}

/**
 * Pictures in work at once. A training step blocks this thread; what is already queued at libuv's threads goes on
 * meanwhile, so this is more than there are cores.
 */
const picturesAtOnce = 64

/** Decoded pictures, as many as fit. */
interface Cache {
  get(sample: number, kind: PictureKind): Picture | undefined
  offer(sample: number, kind: PictureKind, picture: Picture): void
  keepOnly(kinds: readonly PictureKind[]): void
}

function createCache(repeated: Int32Array, cacheBytes: number): Cache {
  const isRepeated = new Set(repeated)
  const kept = new Map<PictureKind, Map<number, Picture>>()
  let freeBytes = cacheBytes
  return {
    get: (sample, kind) => kept.get(kind)?.get(sample),
    offer(sample, kind, picture) {
      const ofKind = kept.get(kind) ?? new Map<number, Picture>()
      if (!isRepeated.has(sample) || picture.data.length > freeBytes || ofKind.has(sample)) return
      freeBytes -= picture.data.length
      kept.set(kind, ofKind.set(sample, picture))
    },
    keepOnly(kinds) {
      for (const [kind, pictures] of kept) {
        if (kinds.includes(kind)) continue
        for (const { data } of pictures.values()) freeBytes += data.length
        kept.delete(kind)
      }
    },
  }
}

/** Decodes samples of a dataset on demand, and keeps what will be asked for again where memory allows. */
export function createImageSource(options: ImageSourceOptions): ImageSource {
  const { manifest, image, poll } = options
  const shards = createShardReader(options.shardPath)
  const cache = createCache(options.repeated, options.cacheBytes)

  async function decode(index: number, kind: PictureKind): Promise<Picture> {
    const sample = manifest.samples[index]!
    try {
      const bytes = await shards.read(sample)
      return await (kind === 'original' ? decodeOriginal(bytes, image) : decodeImage(bytes, { ...image, size: kind }))
    } catch (cause) {
      const reason = (cause as Error).message
      throw new AppError('sample-broken', { sample: sample.id }, { detail: `sample ${sample.id}: ${reason}`, cause })
    }
  }

  return {
    async picture(sample, kind) {
      const known = cache.get(sample, kind)
      if (known) return known
      const decoded = await decode(sample, kind)
      cache.offer(sample, kind, decoded)
      return decoded
    },
    keepOnly: (kinds) => cache.keepOnly(kinds),
    forEach: (samples, work) =>
      forEachBounded(samples.length, picturesAtOnce, async (row) => {
        poll()
        await work(samples[row]!, row)
      }),
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
