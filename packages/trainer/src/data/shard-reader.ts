import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Sample } from '@baton/contracts'

/** Where the shard of a number lies on this machine. */
export type ShardPath = (shard: number) => string | Promise<string>

export interface ShardReader {
  /** The encoded bytes of a sample. @throws {Error} when they are not there or do not have the sample's digest */
  read(sample: Pick<Sample, 'shard' | 'offset' | 'length' | 'digest'>): Promise<Uint8Array>
  close(): Promise<void>
}

/** Reads samples out of local shard files. Each file is opened once, when it is first needed. */
export function createShardReader(shardPath: ShardPath): ShardReader {
  const handles = new Map<number, Promise<FileHandle>>()
  const handleOf = (shard: number) => {
    const known = handles.get(shard)
    if (known) return known
    const opened = Promise.resolve(shardPath(shard)).then((path) => open(path, 'r'))
    handles.set(shard, opened)
    return opened
  }
  return {
    async read({ shard, offset, length, digest }) {
      const handle = await handleOf(shard)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
      if (bytesRead < length) throw new Error(`shard ${shard} ends ${length - bytesRead} bytes before the sample does`)
      if (createHash('sha256').update(buffer).digest('hex') !== digest)
        throw new Error(`the bytes in shard ${shard} do not have the sample's digest`)
      return buffer
    },
    async close() {
      for (const opened of handles.values()) await opened.then((handle) => handle.close()).catch(() => undefined)
    },
  }
}
