import { createHash } from 'node:crypto'
import { read } from 'node:fs'
import { promisify } from 'node:util'
import type { StoredSample } from './sample-table.ts'

const readFrom = promisify(read)

/**
 * The encoded bytes of a sample.
 *
 * @param file Descriptor of its shard, open for reading; threads share it.
 * @throws {Error} when they are not there or do not have the sample's digest
 */
export async function readSample(file: number, { shard, offset, length, digest }: StoredSample): Promise<Uint8Array> {
  const { buffer, bytesRead } = await readFrom(file, Buffer.alloc(length), 0, length, offset)
  if (bytesRead < length) throw new Error(`shard ${shard} ends ${length - bytesRead} bytes before the sample does`)
  if (!createHash('sha256').update(buffer).digest().equals(digest))
    throw new Error(`the bytes in shard ${shard} do not have the sample's digest`)
  return buffer
}
