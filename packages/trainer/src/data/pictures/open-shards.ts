import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Where the shard of a number lies on this machine; a promise while it is on its way there. */
export type ShardPath = (shard: number) => string | Promise<string>

export interface OpenShards {
  /** Descriptor of the shard's file. @throws {Error} when there is none, and what the path's promise throws */
  descriptor(shard: number): Promise<number>
  /** A shard that is still on its way is not waited for. */
  close(): Promise<void>
}

/** Opens each shard's file once, when it is first needed. */
export function openShards(shardPath: ShardPath): OpenShards {
  const descriptors = new Map<number, Promise<number>>()
  const handles: FileHandle[] = []
  let isClosed = false

  async function openShard(shard: number): Promise<number> {
    const handle = await open(await shardPath(shard), 'r')
    if (isClosed) await handle.close()
    else handles.push(handle)
    return handle.fd
  }

  return {
    descriptor(shard) {
      const known = descriptors.get(shard)
      if (known) return known
      const opened = openShard(shard)
      descriptors.set(shard, opened)
      return opened
    },
    async close() {
      isClosed = true
      await Promise.all(handles.map((handle) => handle.close()))
    },
  }
}
