import { setMaxListeners } from 'node:events'
import type { Blob, ShardFile } from '@baton/contracts'
import type { Tools } from '../retry-policy.ts'
import { pullBlobs } from './pull-blobs.ts'
import type { PullBlobs } from './pull-blobs.ts'
import { createReadAhead } from './read-ahead.ts'
import type { ReadAhead } from './read-ahead.ts'
import type { ShardPiece } from './shard-piece.ts'

export interface PullShards extends Pick<PullBlobs, 'cache' | 'into' | 'addresses' | 'signal'> {
  /** By number. */
  readonly shards: readonly Blob[]
  /** A folder for what is read ahead of the shards; it is made. */
  readonly aheadDir: string
}

/** Shards that are on their way to this machine. */
export interface ShardPull {
  /**
   * The file to read these pieces of a shard from, once they are in it: the shard, or where it is not whole yet a file
   * that they are brought to ahead of it. Pending for good where the pull ends before.
   *
   * @throws {Error} when there is no such shard, or a piece is not inside it
   */
  find(shard: number, pieces: readonly ShardPiece[]): Promise<ShardFile>
  /** What was read ahead of the shards so far. */
  ahead(): ReturnType<ReadAhead['total']>
  /** Resolves once all shards are whole, or the signal has stopped the pull. @throws as `pullBlobs` */
  readonly done: Promise<void>
}

interface Arriving {
  readonly blob: Blob
  /** Resolves when it is here; never, where that is not to be. */
  readonly whole: Promise<ShardFile>
  /** Where it is here. */
  file: ShardFile | null
  readonly arrive: (file: ShardFile) => void
  /** Aborts when nothing more is to be read ahead of it. */
  readonly signal: AbortSignal
}

/**
 * Brings a dataset's shards onto this machine, and single pieces ahead of them as they are asked for.
 *
 * A piece that is read ahead has the digest that it is asked for with. Where it cannot be had, for whatever reason, its
 * shard is waited for: what ends the work on a dataset that is damaged, gone or out of reach is the pull of its shards,
 * as if nothing were read ahead of them.
 */
export function pullShards(tools: Tools, input: PullShards): ShardPull {
  const { shards, cache, into, addresses, signal } = input
  const arriving = new Map(shards.map((blob) => [blob.digest, arrivingOf(blob, signal)]))
  const readAhead = createReadAhead(tools, { cache, dir: input.aheadDir })

  /** Settles only where all pieces can be had. */
  async function ahead({ blob, signal: unneeded }: Arriving, pieces: readonly ShardPiece[]): Promise<ShardFile> {
    try {
      const path = await readAhead.read({ blob, addresses, signal: unneeded }, pieces)
      return { path, isWhole: false }
    } catch (error) {
      if (!unneeded.aborted) tools.log.warn({ error, digest: blob.digest }, 'samples wait for their whole shard')
      return new Promise(() => undefined)
    }
  }

  const onWhole = (digest: string, path: string) => arriving.get(digest)!.arrive({ path, isWhole: true })
  const pulled = pullBlobs(tools, { blobs: shards, cache, into, addresses, signal, onWhole })
  const done = pulled.then(
    () => undefined,
    (error: unknown) => {
      if (!signal.aborted) throw error
    },
  )
  // Who waits for it meets its error.
  done.catch(() => undefined)
  return {
    async find(shard, pieces) {
      const one = arriving.get(shards[shard]?.digest ?? '')
      if (!one || pieces.some(({ offset, length }) => offset + length > one.blob.sizeBytes))
        throw new Error(`there are no such pieces of shard ${shard}`)
      return one.file ?? Promise.race([one.whole, ahead(one, pieces)])
    },
    ahead: () => readAhead.total(),
    done,
  }
}

function arrivingOf(blob: Blob, stopped: AbortSignal): Arriving {
  let resolve: (file: ShardFile) => void = () => undefined
  const whole = new Promise<ShardFile>((accept) => (resolve = accept))
  const arrived = new AbortController()
  const signal = AbortSignal.any([stopped, arrived.signal])
  // Each piece that is on its way listens to it.
  setMaxListeners(0, signal)
  const arriving: Arriving = {
    blob,
    whole,
    file: null,
    arrive(file) {
      arriving.file = file
      resolve(file)
      arrived.abort()
    },
    signal,
  }
  return arriving
}
