import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, isAppError } from '@baton/contracts'
import type { Tools } from '../retry-policy.ts'
import type { BlobCache } from './blob-cache.ts'
import { fetchRange } from './download-blob.ts'
import type { RangeSource } from './download-blob.ts'
import { createMemoryBudget } from './memory-budget.ts'
import type { ShardPiece } from './shard-piece.ts'

/** Reads pieces of shards that are not whole yet, each once. */
export interface ReadAhead {
  /**
   * Brings pieces of a shard to a file, each to its offset in the shard, and returns the file's path. What lies between
   * them takes no room where the file system knows holes.
   *
   * @throws {AppError} `digest-mismatch`, `blob-missing`, `storage-unavailable`; the source's signal's reason
   */
  read(source: RangeSource, pieces: readonly ShardPiece[]): Promise<string>
  /** What was read so far. */
  total(): { readonly pieces: number; readonly bytes: number }
}

/** What all pieces under way hold in memory. */
const memoryBytes = 32 * 2 ** 20
/** A piece counts as so much at least: sixteen are under way at once, beside the shards' own ranges. */
const leastBytes = 2 * 2 ** 20

/** @param dir A folder for the files; it is made. */
export function createReadAhead(tools: Tools, { cache, dir }: { cache: BlobCache; dir: string }): ReadAhead {
  const memory = createMemoryBudget(memoryBytes)
  const known = new Map<string, Promise<void>>()
  const total = { pieces: 0, bytes: 0 }

  async function bring(source: RangeSource, piece: ShardPiece, path: string): Promise<void> {
    const held = Math.min(memoryBytes, Math.max(leastBytes, piece.length))
    await memory.take(held)
    try {
      source.signal.throwIfAborted()
      const bytes = (await arrived(cache, source, piece)) ?? (await fetched(tools, source, piece))
      await writeAt(path, bytes, piece.offset)
      total.pieces++
      total.bytes += bytes.length
    } finally {
      memory.give(held)
    }
  }

  return {
    async read(source, pieces) {
      await mkdir(dir, { recursive: true })
      const path = join(dir, source.blob.digest)
      const brought = pieces.map((piece) => {
        const key = `${source.blob.digest} ${piece.offset} ${piece.length}`
        const before = known.get(key)
        if (before) return before
        const own = bring(source, piece, path)
        known.set(key, own)
        own.catch(() => known.delete(key))
        return own
      })
      await Promise.all(brought)
      return path
    },
    total: () => total,
  }
}

/** The piece, where the download of its shard has come past it; null where it has not, or its bytes are wrong. */
async function arrived(cache: BlobCache, { blob }: RangeSource, piece: ShardPiece): Promise<Buffer | null> {
  const bytes = await cache.peek(blob.digest, piece.offset, piece.offset + piece.length)
  return bytes && digestOf(bytes) === piece.digest ? bytes : null
}

/** Bytes can be damaged on the way; damaged twice, they are wrong in storage. */
async function fetched(tools: Tools, source: RangeSource, piece: ShardPiece): Promise<Buffer> {
  const once = async () => {
    const bytes = Buffer.concat(
      await fetchRange(tools, source, { start: piece.offset, end: piece.offset + piece.length }),
    )
    const actual = digestOf(bytes)
    if (actual === piece.digest) return bytes
    throw new AppError('digest-mismatch', { digest: piece.digest, actual })
  }
  return once().catch((error: unknown) => {
    if (!isAppError(error, 'digest-mismatch')) throw error
    return once()
  })
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function writeAt(path: string, bytes: Buffer, offset: number): Promise<void> {
  // Neither cut nor appended to: others write to other places of it.
  const file = await open(path, constants.O_CREAT | constants.O_WRONLY)
  try {
    for (let at = 0; at < bytes.length;)
      at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten
  } finally {
    await file.close()
  }
}
