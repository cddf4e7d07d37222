import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { ShardFile } from '@baton/contracts'

/** The file of this machine that has these samples of a shard; a promise while they are on their way there. */
export type FindShard = (shard: number, samples: readonly number[]) => ShardFile | Promise<ShardFile>

export interface OpenShards {
  /** Descriptor of a file that has these samples. @throws {Error} when there is none, and what finding it throws */
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
export function openShards(findShard: FindShard): OpenShards {
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
      const { path, isWhole } = await findShard(shard, samples)
      if (isClosed) throw new Error('the shards are closed')
      const { fd } = await openOnce(path)
      return { descriptor: fd, isWhole }
    },
    async close() {
      isClosed = true
      const handles = await Promise.allSettled(opened.values())
      await Promise.all(handles.flatMap((handle) => (handle.status === 'fulfilled' ? [handle.value.close()] : [])))
    },
  }
}
