import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, isAppError } from '@baton/contracts'
import type { Tools } from '../retry-policy.ts'
import { readPart } from './blob-cache.ts'
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

  /**
   * Copies what a fold on another GPU has read or is reading; else it is read for both, until this fold has the whole
   * shard, which the other gets from the cache then, or ends, and its file with it.
   */
  async function bring(key: string, source: RangeSource, piece: ShardPiece, path: string): Promise<void> {
    const other = cache.ahead.get(key)
    const bytes = other && (await copied(other, piece))
    if (bytes) return write(path, piece, bytes)
    const own = read(source, piece, path)
    const shared = own.then(
      () => path,
      () => null,
    )
    if (!source.signal.aborted) share(cache, key, shared, source.signal)
    await own
  }

  async function read(source: RangeSource, piece: ShardPiece, path: string): Promise<void> {
    const held = Math.min(memoryBytes, Math.max(leastBytes, piece.length))
    await memory.take(held)
    try {
      source.signal.throwIfAborted()
      const bytes = (await arrived(cache, source, piece)) ?? (await fetched(tools, source, piece))
      await write(path, piece, bytes)
    } finally {
      memory.give(held)
    }
  }

  async function write(path: string, { offset }: ShardPiece, bytes: Buffer): Promise<void> {
    await writeAt(path, bytes, offset)
    total.pieces++
    total.bytes += bytes.length
  }

  return {
    async read(source, pieces) {
      await mkdir(dir, { recursive: true })
      const path = join(dir, source.blob.digest)
      const brought = pieces.map((piece) => {
        const key = `${source.blob.digest} ${piece.offset} ${piece.length}`
        const before = known.get(key)
        if (before) return before
        const own = bring(key, source, piece, path)
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

function share({ ahead }: BlobCache, key: string, shared: Promise<string | null>, until: AbortSignal): void {
  ahead.set(key, shared)
  const letGo = () => {
    // Another fold may have read it anew meanwhile.
    if (ahead.get(key) === shared) ahead.delete(key)
  }
  until.addEventListener('abort', letGo, { once: true })
}

/** The piece, where the download of its shard has come past it; null where it has not, or its bytes are wrong. */
async function arrived(cache: BlobCache, { blob }: RangeSource, piece: ShardPiece): Promise<Buffer | null> {
  const bytes = await cache.peek(blob.digest, piece.offset, piece.offset + piece.length)
  return bytes && digestOf(bytes) === piece.digest ? bytes : null
}

/** The piece from the file of who reads it too; null where it did not come there, or is gone with that fold. */
async function copied(other: Promise<string | null>, { offset, length, digest }: ShardPiece): Promise<Buffer | null> {
  const path = await other
  const bytes = path === null ? null : await readPart(path, offset, offset + length)
  return bytes && digestOf(bytes) === digest ? bytes : null
}

/** Bytes can be damaged on the way; damaged twice, they are wrong in storage. */
async function fetched(tools: Tools, source: RangeSource, piece: ShardPiece): Promise<Buffer> {
  const once = async () => {
    const bytes = Buffer.allocUnsafe(piece.length)
    await fetchRange(tools, source, piece.offset, bytes)
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
