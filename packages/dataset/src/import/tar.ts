import { createHash } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Blob } from '@baton/contracts'
import { invalidInput } from './fault.ts'

/** One shard at most: small enough to fetch again after a broken transfer, large enough that requests do not count. */
export const shardBytes = 64 * 2 ** 20
const blockBytes = 512
/** Two empty blocks end a tar file. */
const endBytes = 2 * blockBytes
/** The largest file that fits a shard of its own. */
export const largestFileBytes = shardBytes - blockBytes - endBytes

/** A file to put into a shard. `name` is ASCII, at most 100 characters. */
export interface ShardEntry {
  readonly name: string
  readonly path: string
  readonly length: number
  readonly digest: string
}

/** Where a file's bytes stand: shard number and offset in it. */
export interface Place {
  readonly shard: number
  readonly offset: number
}

/** Shards are filled in the order of the files; a file that does not fit opens the next one. */
export function placeFiles(lengths: readonly number[], limitBytes: number = shardBytes): Place[] {
  let shard = 0
  let end = 0
  return lengths.map((length) => {
    const size = blockBytes + padded(length)
    if (end > 0 && end + size + endBytes > limitBytes) {
      shard += 1
      end = 0
    }
    const offset = end + blockBytes
    end += size
    return { shard, offset }
  })
}

export const shardName = (shard: number) => `shard-${String(shard).padStart(5, '0')}.tar`

/**
 * Writes uncompressed tar files whose bytes follow from the names, bytes and order of the files alone: fixed modes,
 * owners and times.
 *
 * @param places From `placeFiles` of the same files.
 * @throws {AppError} `dataset-input-invalid` when a file is no longer what its length and digest say
 */
export async function writeShards(
  files: readonly ShardEntry[],
  places: readonly Place[],
  folder: string,
  onFile: () => void = () => undefined,
): Promise<Blob[]> {
  const shards: Blob[] = []
  const count = (places.at(-1)?.shard ?? -1) + 1
  for (let shard = 0; shard < count; shard++) {
    const members = files.filter((_, i) => places[i]!.shard === shard)
    shards.push(await writeShard(members, join(folder, shardName(shard)), onFile))
  }
  return shards
}

async function writeShard(files: readonly ShardEntry[], path: string, onFile: () => void): Promise<Blob> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const handle = await open(path, 'wx')
  const append = async (bytes: Buffer) => {
    hash.update(bytes)
    sizeBytes += bytes.length
    await handle.writeFile(bytes)
  }
  try {
    for (const file of files) {
      await append(Buffer.concat([tarHeader(file.name, file.length), await readUnchanged(file)]))
      await append(Buffer.alloc(padded(file.length) - file.length))
      onFile()
    }
    await append(Buffer.alloc(endBytes))
    await handle.sync()
  } finally {
    await handle.close()
  }
  return { digest: hash.digest('hex'), sizeBytes }
}

async function readUnchanged({ name, path, digest }: ShardEntry): Promise<Buffer> {
  const bytes = await readFile(path)
  if (createHash('sha256').update(bytes).digest('hex') === digest) return bytes
  throw invalidInput([{ pointer: name, detail: 'it changed while it was imported; import again' }])
}

const padded = (length: number) => Math.ceil(length / blockBytes) * blockBytes

/**
 * The header block of a regular file: mode 644, owner 0, time 0.
 * @see POSIX.1-1988 ustar, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
 */
function tarHeader(name: string, length: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0') + '\0'
  header.write(name, 0, 100, 'ascii')
  header.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(length, 11) + octal(0, 11), 100, 'ascii')
  // The sum counts its own eight bytes as spaces.
  header.write(' '.repeat(8) + '0', 148, 'ascii')
  header.write('ustar\x0000', 257, 'ascii')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(octal(sum, 6) + ' ', 148, 'ascii')
  return header
}
