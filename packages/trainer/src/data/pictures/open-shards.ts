import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/**
 * Where these samples of a shard lie on this machine; a promise while they are on their way there. A path: the whole
 * shard lies there. `partPath`: a file that has them at their offsets, and may lack others.
 */
export type ShardPath = (shard: number, samples: readonly number[]) => Located | Promise<Located>
type Located = string | { readonly partPath: string }

export interface OpenShards {
  /** Descriptor of a file that has these samples. @throws {Error} when there is none, and what the path's promise throws */
  descriptor(shard: number, samples: readonly number[]): Promise<OpenShard>
  /** What is still on its way is not waited for. */
  close(): Promise<void>
}

export interface OpenShard {
  readonly descriptor: number
  /** Whether the file has all of the shard's samples. */
  readonly isWhole: boolean
}

/** Opens each file once, when it is first needed. */
export function openShards(shardPath: ShardPath): OpenShards {
  const opened = new Map<string, Promise<FileHandle>>()
  let isClosed = false

  function openOnce(path: string): Promise<FileHandle> {
    const known = opened.get(path)
    if (known) return known
    const handle = open(path, 'r')
    opened.set(path, handle)
    return handle
  }

  return {
    async descriptor(shard, samples) {
      const located = await shardPath(shard, samples)
      if (isClosed) throw new Error('the shards are closed')
      const isWhole = typeof located === 'string'
      const { fd } = await openOnce(isWhole ? located : located.partPath)
      return { descriptor: fd, isWhole }
    },
    async close() {
      isClosed = true
      const handles = await Promise.allSettled(opened.values())
      await Promise.all(handles.flatMap((handle) => (handle.status === 'fulfilled' ? [handle.value.close()] : [])))
    },
  }
}
