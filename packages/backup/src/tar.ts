import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AppError } from '@baton/contracts'

const blockBytes = 512
/** The largest size that eleven octal digits say; above it the number is written in binary, as GNU tar does. */
const octalMax = 8 ** 11 - 1

/** The header of a file in a tar archive. Our names are short: below 100 characters. */
export function tarHeader(name: string, sizeBytes: number, modifiedSeconds: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  header.write(name, 0)
  header.write('0000600\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  if (sizeBytes <= octalMax) header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(sizeBytes), 128)
  }
  header.write(`${modifiedSeconds.toString(8).padStart(11, '0')}\0`, 136)
  header.write('0', 156)
  header.write('ustar\u000000', 257)
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** Zeros that fill a file's last block. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes)
}

/** What ends an archive. */
export const tarEnd = Buffer.alloc(2 * blockBytes)

/**
 * Unpacks an archive's files.
 * @param placeOf Where a file goes; null refuses the name.
 * @throws {AppError} `backup-invalid` where it is cut, damaged or no archive of ours
 */
export async function unpackTar(
  source: AsyncIterable<Buffer>,
  placeOf: (name: string) => Promise<string | null>,
): Promise<void> {
  const reader = byteReader(source)
  for (;;) {
    const header = await reader.take(blockBytes)
    if (header.every((byte) => byte === 0)) return
    const { name, sizeBytes } = readHeader(header)
    const place = await placeOf(name)
    if (place === null) throw invalid(`holds a file that no backup has: ${JSON.stringify(name)}`)
    await pipeline(Readable.from(reader.stream(sizeBytes)), createWriteStream(place, { mode: 0o600 }))
    await reader.take(tarPadding(sizeBytes).length)
  }
}

/** A file's bytes in pieces that suit a pipe. */
export function fileBytes(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: 1024 * 1024 })
}

function readHeader(header: Buffer): { name: string; sizeBytes: number } {
  const stated = parseInt(header.toString('latin1', 148, 156), 8)
  if (stated !== checksumOf(header)) throw invalid('is damaged or no tar archive')
  const name = header.toString('utf8', 0, 100).replace(/\0.*$/, '')
  const sizeBytes =
    header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : parseInt(header.toString('latin1', 124, 136), 8)
  return { name, sizeBytes }
}

/** The sum of all bytes, the checksum's own taken as spaces. */
function checksumOf(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0)
}

function byteReader(source: AsyncIterable<Buffer>) {
  const iterator = source[Symbol.asyncIterator]()
  let buffered: Buffer = Buffer.alloc(0)
  const fill = async () => {
    const next = await iterator.next()
    if (next.done) throw invalid('ends in the middle: it was cut')
    buffered = buffered.length === 0 ? next.value : Buffer.concat([buffered, next.value])
  }
  return {
    async take(bytes: number): Promise<Buffer> {
      while (buffered.length < bytes) await fill()
      const taken = buffered.subarray(0, bytes)
      buffered = buffered.subarray(bytes)
      return taken
    },
    async *stream(bytes: number): AsyncGenerator<Buffer> {
      for (let left = bytes; left > 0;) {
        if (buffered.length === 0) await fill()
        const piece = buffered.subarray(0, left)
        buffered = buffered.subarray(piece.length)
        left -= piece.length
        yield piece
      }
    },
  }
}

function invalid(what: string): AppError {
  return new AppError('backup-invalid', {}, { detail: `the archive ${what}` })
}
