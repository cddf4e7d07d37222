import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import os from 'node:os'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { isAppError } from '@baton/contracts'
import type { Blob } from '@baton/contracts'
import { needingRoom } from './disk-full.ts'

/** Objects kept by digest, so that the next fold or session does not pull them again. Sessions may share the folder. */
export interface BlobCache {
  /**
   * Makes the object appear in folder `into` under its digest, and returns its path.
   *
   * A cached file was checked against its digest before it got its name, and counts as whole when its size is right.
   * It need not have reached the disk by then: one that was last used before this machine started, and may have been
   * lost in part with its power, is checked once more.
   *
   * @param download Writes the object to a path and checks it; called where the cache lacks it and nobody in this process
   *   is bringing it.
   * @throws {AppError} `disk-full`: nothing of the object is left then, so that its room is there for others; what
   *   `download` throws
   */
  pull(blob: Blob, into: string, download: Download): Promise<string>
  /**
   * Bytes of an object that somebody in this process is bringing, as they arrived: nothing has checked them yet.
   *
   * @param end Past the last one.
   * @returns Null: not all of them are here, or nobody is bringing the object
   */
  peek(digest: string, start: number, end: number): Promise<Buffer | null>
  /**
   * Takes over an object that lies on this machine already, whole and checked: who pulls it next finds it.
   *
   * @param path Its file, on the disk of the cache. It is moved, and must not be written to any more.
   */
  adopt(blob: Blob, path: string): Promise<void>
  /** Removes objects that nobody will pull any more. Who uses one keeps it. */
  drop(digests: Iterable<string>): Promise<void>
  /** Removes those objects whose bytes do not have their digest any more. @returns Whether there were any */
  dropDamaged(blobs: Iterable<Blob>): Promise<boolean>
  /** What folds of this process have read ahead of their shards, or are reading. */
  readonly ahead: PiecesAhead
  /** Removes what was used longest ago until `maxBytes` are left, and what dead sessions left behind. */
  evict(maxBytes: number): Promise<void>
}

/** By a piece's shard and place: the file that has it at its offset, once it is there; null where it did not come. */
export type PiecesAhead = Map<string, Promise<string | null>>

/**
 * @param begun A file with the object's first bytes, which a cut download left; null where there is none.
 * @param onWritten Told how many of the object's first bytes the file has now.
 */
export type Download = (path: string, begun: string | null, onWritten: (bytes: number) => void) => Promise<void>

/** A download under way. */
interface Arrival {
  readonly part: string
  /** Of the object's first bytes, how many are in `part`. */
  bytes: number
  done: Promise<void>
}

/** Half-written files and abandoned folders older than this belong to nobody: a living session touches its own. */
const abandonedAfterMs = 24 * 3_600_000
/** What a cut download left of a smaller object is not worth looking for. */
const begunMinBytes = 8 * 2 ** 20

/**
 * The cache in `dir`. What a fold uses is hard-linked into its own folder, so evicting an object never takes it
 * from a session that reads it.
 *
 * @param startedMs When this machine was started: files from before are checked again. Milliseconds since the epoch.
 */
export async function openBlobCache(
  dir: string,
  startedMs: number = Date.now() - 1000 * os.uptime(),
): Promise<BlobCache> {
  const blobs = join(dir, 'blobs')
  const parts = join(dir, 'parts')
  await Promise.all([blobs, parts].map((folder) => mkdir(folder, { recursive: true })))
  /** By digest. */
  const underWay = new Map<string, Arrival>()

  /** Brings an object; others see how far it is. */
  function bring(blob: Blob, cached: string, target: string, download: Download): Promise<void> {
    const arrival: Arrival = { part: join(parts, `${blob.digest}.${randomUUID()}`), bytes: 0, done: Promise.resolve() }
    underWay.set(blob.digest, arrival)
    arrival.done = bringTo(arrival, blob, cached, target, download).finally(() => underWay.delete(blob.digest))
    return arrival.done
  }

  async function bringTo(
    arrival: Arrival,
    { digest, sizeBytes }: Blob,
    cached: string,
    target: string,
    download: Download,
  ): Promise<void> {
    const { part } = arrival
    const isLarge = sizeBytes > begunMinBytes
    const begun = isLarge ? await findBegun(parts, digest) : null
    try {
      await needingRoom(dir, async () => {
        await downloadTwice(part, begun, (path, from) => download(path, from, (bytes) => (arrival.bytes = bytes)))
        await linkOrCopy(part, target)
        await rename(part, cached)
      })
    } catch (error) {
      if (!isLarge || isOfNoUse(error)) await rm(part, { force: true })
      throw error
    }
  }

  return {
    async pull(blob, into, download) {
      const cached = join(blobs, blob.digest)
      const target = join(into, blob.digest)
      while (!(await needingRoom(dir, () => take(blob, cached, target, startedMs)))) {
        const others = underWay.get(blob.digest)
        if (!others) {
          await bring(blob, cached, target, download)
          break
        }
        // A fold on another GPU brings it. What ends that one's download does not end this one's.
        await others.done.catch(() => undefined)
      }
      return target
    },
    async peek(digest, start, end) {
      const arrival = underWay.get(digest)
      return arrival && arrival.bytes >= end ? readPart(arrival.part, start, end) : null
    },
    async adopt({ digest }, path) {
      const now = new Date()
      await utimes(path, now, now)
      await rename(path, join(blobs, digest))
    },
    async drop(digests) {
      for (const digest of digests) await rm(join(blobs, digest), { force: true })
    },
    async dropDamaged(wanted) {
      let isAny = false
      for (const { digest } of wanted) {
        const cached = join(blobs, digest)
        if (!(await isDamaged(cached, digest))) continue
        await rm(cached, { force: true })
        isAny = true
      }
      return isAny
    },
    ahead: new Map(),
    async evict(maxBytes) {
      await removeAbandoned(parts)
      await removeLeastRecent(blobs, maxBytes)
    },
  }
}

/** Whether what a download that ended so has written is not worth going on with: wrong, or taking room that is lacking. */
function isOfNoUse(error: unknown): boolean {
  return isAppError(error, 'digest-mismatch') || isAppError(error, 'disk-full')
}

/** Links a cached file if it is there and whole; false if it is not. */
async function take({ digest, sizeBytes }: Blob, cached: string, target: string, startedMs: number): Promise<boolean> {
  try {
    const { size, mtimeMs } = await stat(cached)
    if (size !== sizeBytes) return false
    if (mtimeMs < startedMs && (await digestOf(cached)) !== digest) return false
    const now = new Date()
    await utimes(cached, now, now)
    await linkOrCopy(cached, target)
    return true
  } catch (error) {
    // Also when another session evicted it between two of these lines.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** False where the file is not there. */
async function isDamaged(cached: string, digest: string): Promise<boolean> {
  try {
    return (await digestOf(cached)) !== digest
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  return hash.digest('hex')
}

/** The longest of the files that downloads of an object have begun. Whoever writes one may be alive, or not. */
async function findBegun(parts: string, digest: string): Promise<string | null> {
  const begun = (await entriesOf(parts)).filter(({ path }) => basename(path).startsWith(`${digest}.`))
  return begun.toSorted((a, b) => b.size - a.size)[0]?.path ?? null
}

/** Bytes of a file that others may remove or cut meanwhile. @returns Null where they did */
export async function readPart(part: string, start: number, end: number): Promise<Buffer | null> {
  const file = await open(part, 'r').catch(() => null)
  if (file === null) return null
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(end - start), 0, end - start, start)
    return bytesRead === end - start ? buffer : null
  } finally {
    await file.close()
  }
}

/** Bytes can be damaged on the way, or by the one who began; damaged twice, they are wrong in storage. */
async function downloadTwice(
  part: string,
  begun: string | null,
  download: (path: string, begun: string | null) => Promise<void>,
): Promise<void> {
  try {
    await download(part, begun)
  } catch (error) {
    if (!isAppError(error, 'digest-mismatch')) throw error
    await rm(part, { force: true })
    await download(part, null)
  }
}

/** Some mounted folders know no hard links; then it costs a copy, of which nothing is left where it fails. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code === 'ENOENT') throw error
    await copyFile(from, to).catch(async (failure: unknown) => {
      await rm(to, { force: true })
      throw failure
    })
  }
}

async function removeLeastRecent(folder: string, maxBytes: number): Promise<void> {
  const files = (await entriesOf(folder)).sort((a, b) => a.mtimeMs - b.mtimeMs)
  let total = files.reduce((sum, file) => sum + file.size, 0)
  for (const file of files) {
    if (total <= maxBytes) return
    await rm(file.path, { force: true })
    total -= file.size
  }
}

/** Removes the entries of a folder that nobody has touched for a day. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const entry of await entriesOf(folder))
    // File times are the file system's clock, which is this machine's.
    if (Date.now() - entry.mtimeMs > abandonedAfterMs) await rm(entry.path, { recursive: true, force: true })
}

/** A file that lies in a folder of the cache. */
interface Entry {
  readonly name: string
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  /** How often it is linked; once: no fold uses it. */
  readonly links: number
}

/** The objects of the cache in `dir`, by their digests. */
export function cachedObjects(dir: string): Promise<Entry[]> {
  return entriesOf(join(dir, 'blobs'))
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const names = await readdir(folder).catch(() => [])
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      const found = await stat(path).catch(() => null)
      return found && { name, path, size: found.size, mtimeMs: found.mtimeMs, links: found.nlink }
    }),
  )
  return entries.filter((entry) => entry !== null)
}
