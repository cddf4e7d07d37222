import { rm, statfs } from 'node:fs/promises'
import { AppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { cachedObjects } from './blob-cache.ts'

export interface MakeRoom {
  /** The folder of the cache. */
  readonly cacheDir: string
  /** What is about to be pulled, what the cache has of it included. */
  readonly blobs: readonly Blob[]
  /** Free bytes where a folder lies. */
  readonly freeBytes?: (folder: string) => Promise<number>
}

/** Of the disk that is left free: logs, checkpoints until they are sent, and what others write meanwhile. */
const spareBytes = 256e6

/**
 * Makes sure, before the first byte is pulled, that there is room for all that is missing. Where there is too little,
 * objects of the cache that no fold uses make place, those used longest ago first; none does where even all of them
 * would not be enough.
 *
 * @throws {AppError} `disk-full`, with the folder, what is needed and what is free; nothing is removed then
 */
export async function makeRoom({ cacheDir, blobs, freeBytes = freeBytesAt }: MakeRoom): Promise<void> {
  const cached = await cachedObjects(cacheDir)
  const sizes = new Map(cached.map(({ name, size }) => [name, size]))
  const wanted = new Map(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
  const missing = [...wanted].filter(([digest, sizeBytes]) => sizes.get(digest) !== sizeBytes)
  const missingBytes = missing.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0)
  if (missingBytes === 0) return
  const neededBytes = missingBytes + spareBytes
  const free = await freeBytes(cacheDir)
  if (free >= neededBytes) return
  // What a fold has linked takes its place until that fold is over, in the cache or not.
  const idle = cached
    .filter(({ name, links }) => links === 1 && !wanted.has(name))
    .sort((a, b) => a.mtimeMs - b.mtimeMs)
  const idleBytes = idle.reduce((sum, { size }) => sum + size, 0)
  if (free + idleBytes < neededBytes) throw diskFull({ folder: cacheDir, neededBytes, freeBytes: free + idleBytes })
  let left = free
  for (const { path, size } of idle) {
    if (left >= neededBytes) return
    await rm(path, { force: true })
    left += size
  }
}

async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

function diskFull(facts: { folder: string; neededBytes: number; freeBytes: number }): AppError {
  const { folder, neededBytes, freeBytes } = facts
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`
  const detail = `${folder} has ${gigabytes(freeBytes)} of room for data; ${gigabytes(neededBytes)} are needed`
  return new AppError('disk-full', facts, { detail })
}
