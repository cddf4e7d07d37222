import { createHash } from 'node:crypto'
import { read } from 'node:fs'
import { promisify } from 'node:util'
import { sampleAt } from './sample-table.ts'
import type { SampleTable } from './sample-table.ts'

const readFrom = promisify(read)

/**
 * The encoded bytes of a sample. They are checked the first time that any thread reads them: an epoch reads again what
 * the one before did, and hashing costs up to a sixth of decoding.
 *
 * @param files Descriptors by shard, open for reading; threads share them.
 * @param index Of the sample, in the table.
 * @throws {Error} when they are not there or do not have the sample's digest
 */
export async function readSample(
  files: ReadonlyMap<number, number>,
  samples: SampleTable,
  index: number,
): Promise<Uint8Array> {
  const { shard, offset, length, digest } = sampleAt(samples, index)
  const { buffer, bytesRead } = await readFrom(files.get(shard)!, Buffer.allocUnsafe(length), 0, length, offset)
  if (bytesRead < length) throw new Error(`shard ${shard} ends ${length - bytesRead} bytes before the sample does`)
  if (samples.checked[index] === 1) return buffer
  if (!createHash('sha256').update(buffer).digest().equals(digest))
    throw new Error(`the bytes in shard ${shard} do not have the sample's digest`)
  samples.checked[index] = 1
  return buffer
}
